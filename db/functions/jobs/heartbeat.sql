create or replace function jobs.heartbeat(p_worker_id integer)
returns table (job_id bigint, run_no integer, reason text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update jobs.workers as w
  set lease_until = jobs.clock() + w.lease
  where w.worker_id = p_worker_id and w.stopped_at is null;
  if not found then
    perform jobs._refuse_worker(p_worker_id);
  end if;

  return query
  select r.job_id, r.run_no, r.cancel_reason
  from jobs.running as r
  where r.worker_id = p_worker_id and r.cancel_reason is not null;
end;
$$;

comment on function jobs.heartbeat is
  'Extend a worker''s lease; returns the jobs that it has to stop, and why. Raises JQ005 where its
lease had run out and its jobs were given to others.';
grant execute on function jobs.heartbeat to autom_worker, autom_operator;
