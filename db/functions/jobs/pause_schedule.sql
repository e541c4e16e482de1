create or replace function jobs.pause_schedule(p_name text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update jobs.schedules as s set enabled = false where s.schedule = p_name;
  if not found then
    raise exception using
      errcode = 'JQ011',
      message = 'There is no such schedule.',
      detail  = format('name=%s', p_name),
      hint    = 'select schedule, description from jobs.schedule_status;';
  end if;
end;
$$;

comment on function jobs.pause_schedule is
  'A schedule does not fire until jobs.resume_schedule; jobs.run_schedule still runs it. Raises '
  'JQ011.';
grant execute on function jobs.pause_schedule to autom_operator;
