create or replace function jobs._put_in_line(p_job jobs.running, p_run_at timestamptz, p_why text)
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from jobs.running as r where r.job_id = p_job.job_id;

  if p_run_at > jobs._now() then
    insert into jobs.scheduled (
      job_id, run_id, run_at, run_no, failures, priority, is_unique, queue, kind, key, why
    )
    values (p_job.job_id, p_job.run_id, p_run_at, p_job.run_no, p_job.failures, p_job.priority,
            p_job.is_unique, p_job.queue, p_job.kind, p_job.key, p_why);
    return 'scheduled';
  end if;

  insert into jobs.ready (
    seq, job_id, run_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
  )
  values ((jobs._new_ids(1))[1], p_job.job_id, p_job.run_id, jobs.clock(), p_job.run_no,
          p_job.failures, p_job.priority, p_job.is_unique, p_job.queue, p_job.kind, p_job.key);
  perform jobs._wake(p_job.queue);
  return 'ready';
end;
$$;

comment on function jobs._put_in_line is
  'Let a job wait, until p_run_at or for whoever claims it; returns ready or scheduled.';
