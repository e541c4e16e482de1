create or replace function jobs.run_schedule(p_name text)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_run_id bigint;
begin
  insert into jobs.run_log (name)
  select s.schedule from jobs.schedules as s where s.schedule = p_name
  returning run_log.run_id into v_run_id;
  if not found then
    raise exception using
      errcode = 'JQ011',
      message = 'There is no such schedule.',
      detail  = format('name=%s', p_name),
      hint    = 'select schedule, description from jobs.schedules;';
  end if;
  perform jobs._run(v_run_id);
  return v_run_id;
end;
$$;

comment on function jobs.run_schedule is
  'Run a schedule''s function now, whatever the time, enabled or not; returns the run_id. How it
went is in jobs.runs; a function that fails makes a failed run, not an error here. Raises JQ011.';
grant execute on function jobs.run_schedule to autom_worker, autom_operator;
