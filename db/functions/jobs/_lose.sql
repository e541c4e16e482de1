create or replace function jobs._lose(p_job jobs.running)
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kind jobs.kinds;
  v_sent boolean := jobs._maybe_sent(p_job.job_id, p_job.run_no + 1);
begin
  select k.* from jobs.kinds as k where k.kind = p_job.kind into v_kind;
  p_job.failures := p_job.failures + 1;
  if p_job.cancel_reason is not null then
    return jobs._finish(p_job, 'cancelled', p_job.cancel_reason, 'lost');
  elsif v_sent and v_kind.effect = 'at_most_once' then
    return jobs._finish(p_job, 'unknown', 'Its worker was lost after it may have sent it.', 'lost');
  elsif p_job.failures >= v_kind.max_attempts then
    return jobs._finish(
      p_job,
      case when v_sent and v_kind.effect <> 'repeatable' then 'unknown' else 'failed' end,
      'Its worker was lost during the last attempt.', 'lost'
    );
  end if;
  insert into jobs.history (
    job_id, started_at, finished_at, run_no, worker_id, failures, state, code, reason
  )
  values (p_job.job_id, p_job.started_at, jobs.clock(), p_job.run_no, p_job.worker_id,
          p_job.failures, 'lost', 'lost', 'Its worker was lost.');
  return jobs._put_in_line(p_job, null, null);
end;
$$;

comment on function jobs._lose is
  'A worker is gone with this job: let another have it, or end it after its last attempt.';
