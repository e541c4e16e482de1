create or replace function jobs.start_worker(
  p_name   text,
  p_queues text[] default null,
  p_lease  interval default '15 s',
  p_kinds  text[] default null
)
returns integer
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into jobs.workers (name, queues, kinds, lease, lease_until)
  values (p_name, coalesce(p_queues, array(select q.queue from jobs.queues as q)), p_kinds,
          p_lease, jobs.clock() + p_lease)
  returning workers.worker_id;
$$;

comment on function jobs.start_worker is
  'Sign a worker on; returns its id. Its lease runs p_lease from each jobs.heartbeat. p_queues null
is every queue; p_kinds: what it has handlers for, null does not say.';
grant execute on function jobs.start_worker to autom_worker, autom_operator;
