create or replace function jobs._set_aside(p_job jobs.running)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_job.cancel_reason is not null then
    perform jobs._finish(p_job, 'cancelled', p_job.cancel_reason);
    return false;
  end if;
  -- What a job in steps sent, its steps know, and who snoozes has sent nothing: the request as a
  -- whole is not one that may have been sent.
  update jobs.effects as e
  set outcome = 'try_later', ended_at = jobs.clock()
  where e.job_id = p_job.job_id and e.run_no = p_job.run_no and e.outcome is null;
  return true;
end;
$$;

comment on function jobs._set_aside is
  'This run stops here of its own will; false where the job was to be cancelled, and now is.';
