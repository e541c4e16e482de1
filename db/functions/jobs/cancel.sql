create or replace function jobs.cancel(p_job_id bigint, p_reason text default null)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reason text := coalesce(p_reason, 'cancelled');
  v_job    jobs.running;
begin
  -- A job may move while we look: from where it waits to a worker, and back. It soon holds still.
  loop
    update jobs.running as r set cancel_reason = v_reason where r.job_id = p_job_id;
    if found then
      return 'cancelling';
    end if;

    -- The unique key before the job, as in jobs._replace. Who ends a run does not wait for it.
    perform from jobs.unique_keys as u where u.job_id = p_job_id for update;
    v_job := jobs._withdraw(p_job_id);
    if v_job.job_id is not null then
      v_job.run_no := v_job.run_no + 1;
      return jobs._finish(v_job, 'cancelled', v_reason);
    end if;

    exit when not exists (select from jobs.jobs as j where j.job_id = p_job_id);
    if jobs._ended(p_job_id) then
      return 'ended';
    end if;
  end loop;

  raise exception using
    errcode = 'JQ009',
    message = 'There is no such job.',
    detail  = format('job_id=%s', p_job_id);
end;
$$;

comment on function jobs.cancel is
  'Stop a job. Returns cancelled; cancelling, where a worker has it and is told with its next
heartbeat (5 s); or ended, where it had ended before. Raises JQ009 (no such job).';
grant execute on function jobs.cancel to autom_worker, autom_operator;
