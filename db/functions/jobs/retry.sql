create or replace function jobs.retry(p_job_id bigint)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job    jobs.running;
  v_run_no integer;
begin
  update jobs.scheduled as s set run_at = jobs.clock() where s.job_id = p_job_id;
  if found then
    perform jobs._promote(1000);
    return 'ready';
  end if;

  delete from jobs.dead_letters as d where d.job_id = p_job_id returning d.run_no into v_run_no;
  if not found then
    if not exists (select from jobs.jobs as j where j.job_id = p_job_id) then
      raise exception using
        errcode = 'JQ009',
        message = 'There is no such job.',
        detail  = format('job_id=%s', p_job_id);
    end if;
    raise exception using
      errcode = 'JQ010',
      message = 'Only a dead job, or one that waits for its time, can be retried.',
      detail  = format('job_id=%s', p_job_id),
      hint    = format('select * from jobs.whereabouts where job_id = %s;', p_job_id);
  end if;

  select j.job_id, j.run_id, v_run_no, 0, j.priority, j.unique_key is not null, j.queue, j.kind,
    j.key
  from jobs.jobs as j where j.job_id = p_job_id
  into v_job.job_id, v_job.run_id, v_job.run_no, v_job.failures, v_job.priority, v_job.is_unique,
       v_job.queue, v_job.kind, v_job.key;
  if v_job.is_unique then
    -- It let go of its key when it died; somebody else may have it now.
    perform jobs._settle_unique_keys(
      v_job.kind, array[p_job_id], array[j.unique_key], 'reject', null, 'finished', null, null,
      null, null
    )
    from jobs.jobs as j where j.job_id = p_job_id;
  end if;
  return jobs._put_in_line(v_job, null, null);
end;
$$;

comment on function jobs.retry is
  'Let a dead job try again from the beginning, or one that waits for its time run now.
Returns ready.
Raises JQ001 (its unique key is held by another job), JQ009 (no such job), JQ010 (neither dead nor
waiting).';
grant execute on function jobs.retry to autom_operator;
