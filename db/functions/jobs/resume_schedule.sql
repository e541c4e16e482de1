create or replace function jobs.resume_schedule(p_name text)
returns timestamptz
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_next_at timestamptz;
begin
  update jobs.schedules as s set enabled = true where s.schedule = p_name
  returning s.next_at into v_next_at;
  if not found then
    raise exception using
      errcode = 'JQ011',
      message = 'There is no such schedule.',
      detail  = format('name=%s', p_name),
      hint    = 'select schedule, description from jobs.schedule_status;';
  end if;
  return v_next_at;
end;
$$;

comment on function jobs.resume_schedule is
  'Let a schedule fire again; returns when it does next. What it missed while it was paused '
  'is not caught up; one that is not paused stays as it is. Raises JQ011.';
grant execute on function jobs.resume_schedule to autom_operator;
