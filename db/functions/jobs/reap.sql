create or replace function jobs.reap(p_limit integer default 1000)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job    jobs.running;
  v_lost   bigint;
  v_reaped integer := 0;
begin
  update jobs.workers as w
  set stopped_at = jobs.clock()
  where w.stopped_at is null
    and case
      when w.lease_until < jobs.clock()
        -- After a restart of the server every lease has run out: live workers get one more.
        and clock_timestamp() - jobs._server_started() > w.lease
      -- Only then, for whoever holds this lock keeps the worker's claims waiting; the planner would
      -- ask for the cheap lock first. A claim under way holds it: then it is dead next time.
      then pg_try_advisory_xact_lock(78, w.worker_id)
      else false
    end;
  get diagnostics v_lost = row_count;
  perform jobs._count('jobs.lost_leases', v_lost);

  for v_job in
    select r.*
    from jobs.running as r
    where not exists (
        select from jobs.workers as w where w.worker_id = r.worker_id and w.stopped_at is null
      )
      -- Its worker lives, but should have stopped the job a minute ago and had a minute to say so.
      or (
        r.deadline < jobs.clock() - interval '1 min'
        and clock_timestamp() - jobs._server_started() > interval '1 min'
      )
    order by r.job_id
    limit p_limit
    for update skip locked
  loop
    perform jobs._lose(v_job);
    v_reaped := v_reaped + 1;
  end loop;
  perform jobs._count('jobs.reaped_jobs', v_reaped);
  return v_reaped;
end;
$$;

comment on function jobs.reap is
  'Take back the jobs of workers whose lease has run out, and those far past their deadline; returns
how many. They go back in line, or end after their last attempt. Safe to call at any time.';
grant execute on function jobs.reap to autom_worker, autom_operator;
