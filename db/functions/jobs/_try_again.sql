create or replace function jobs._try_again(
  p_job    jobs.running,
  p_kind   jobs.kinds,
  p_after  double precision,
  p_reason text,
  p_code   text,
  p_end    text
)
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wait interval;
begin
  p_job.failures := p_job.failures + 1;
  if p_job.failures >= p_kind.max_attempts then
    return jobs._finish(p_job, p_end, p_reason, p_code);
  end if;

  perform jobs._count('jobs.retried_runs');
  -- Between half of it and half more, so that what failed together does not come back together.
  v_wait := coalesce(
    make_interval(secs => p_after),
    least(p_kind.backoff_cap, p_kind.backoff_base * 2 ^ least(p_job.failures - 1, 30))
      * (0.5 + random())
  );
  insert into jobs.history (
    job_id, started_at, finished_at, run_no, worker_id, failures, state, code, reason
  )
  values (p_job.job_id, p_job.started_at, jobs.clock(), p_job.run_no, p_job.worker_id,
          p_job.failures, 'retry', p_code, p_reason);
  return jobs._put_in_line(p_job, jobs.clock() + v_wait, p_reason);
end;
$$;

comment on function jobs._try_again is
  'Count a failure and let the job wait: p_after seconds, or as its kind backs off. After the last
attempt it ends as p_end (failed or unknown).';
