create or replace function jobs._hold_run(p_job_id bigint, p_run_no integer)
returns jobs.running
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job jobs.running;
begin
  select r.* from jobs.running as r
  where r.job_id = p_job_id and r.run_no = p_run_no
  for update
  into v_job;
  if not found then
    raise exception using
      errcode = 'JQ033',
      message = 'This run is not the present one.',
      detail  = format('job_id=%s run_no=%s', p_job_id, p_run_no),
      hint    = 'Stop: another worker has the job, or it has ended.';
  end if;
  return v_job;
end;
$$;

comment on function jobs._hold_run is
  'Keep a run the present one until this transaction ends. Raises JQ033 (it is not).';
