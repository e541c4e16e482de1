create or replace function jobs._finish(
  p_job       jobs.running,
  p_state     text,
  p_reason    text default null,
  p_code      text default null,
  p_result    jsonb default null,
  p_propagate boolean default true
)
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reason text := p_reason;
begin
  if p_state <> 'done' then
    -- The settle function is another room's. If it fails here, the job must still end, or nothing
    -- could ever end it; then the failure is written beside the reason.
    begin
      perform jobs._tell(
        p_job, jsonb_build_object('state', p_state, 'reason', p_reason, 'code', p_code)
      );
    exception
      -- A deadlock or a serialisation failure is no fault of the function: the caller tries again.
      when serialization_failure or deadlock_detected then
        raise;
      when others then
        v_reason := format('%s; and its settle function failed: %s', p_reason, sqlerrm);
    end;
  end if;

  delete from jobs.running as r where r.job_id = p_job.job_id;
  insert into jobs.history (
    job_id, started_at, finished_at, run_no, worker_id, failures, state, code, reason, result
  )
  values (p_job.job_id, p_job.started_at, jobs.clock(), p_job.run_no, p_job.worker_id,
          p_job.failures, p_state, p_code, v_reason,
          case when not p_job.settles and pg_column_size(p_result) <= 8192 then p_result end);
  if p_state in ('failed', 'unknown') then
    perform jobs._count('jobs.dead_jobs');
    insert into jobs.dead_letters (job_id, died_at, run_no, state, queue, key, code, reason)
    values (p_job.job_id, jobs.clock(), p_job.run_no, p_state, p_job.queue, p_job.key, p_code,
            coalesce(v_reason, p_state));
  end if;
  if p_job.is_unique then
    perform jobs._free_unique_keys(array[p_job.job_id]);
  end if;
  if p_propagate
    and exists (select from jobs.waits as w where w.parent_id = p_job.job_id and w.state is null)
  then
    perform jobs._resolve(array[p_job.job_id], 1000);
  end if;
  if p_job.run_id is not null then
    perform jobs._end_runs(p_job.run_id);
  end if;
  return p_state;
end;
$$;

comment on function jobs._finish is
  'End a job: history, dead letter, unique key, settle function (for done its caller has asked it
already), and the run if this was its last job. Returns p_state.';
