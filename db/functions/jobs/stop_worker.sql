create or replace function jobs.stop_worker(p_worker_id integer)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update jobs.workers as w
  set stopped_at = jobs.clock(), lease_until = jobs.clock()
  where w.worker_id = p_worker_id and w.stopped_at is null;
$$;

comment on function jobs.stop_worker is
  'Sign a worker off. What it still holds is taken back by the next jobs.reap as lost; give back
what was not begun with jobs.release_many first.';
grant execute on function jobs.stop_worker to autom_worker, autom_operator;
