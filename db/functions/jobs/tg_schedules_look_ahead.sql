create or replace function jobs.tg_schedules_look_ahead()
returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_next_at timestamptz;
begin
  -- Written again as it was, as each deploy may do: what is due stays due.
  if tg_op = 'UPDATE'
    and (new.cron, new.time_zone, new.enabled) = (old.cron, old.time_zone, old.enabled)
  then
    return new;
  end if;
  v_next_at := jobs.next_fire(new.cron, new.time_zone, jobs.clock());
  if v_next_at is null then
    raise exception using
      errcode = 'JQ016',
      message = 'This cron expression never comes.',
      detail  = format('schedule=%s cron=%s', new.schedule, new.cron),
      hint    = 'Is there such a day in such a month? To stop a schedule: jobs.pause_schedule.';
  end if;
  -- From now on: what a schedule missed while it was disabled, or under its old times, is not
  -- caught up.
  new.next_at := case when new.enabled then v_next_at end;
  return new;
end;
$$;

comment on function jobs.tg_schedules_look_ahead is
  'Refuse a cron expression that is none (JQ012) or never comes (JQ016), and set the next fire of '
  'a schedule that is new or whose cron, time_zone or enabled has changed.';

create or replace trigger schedules_look_ahead
before insert or update of cron, time_zone, enabled on jobs.schedules
for each row execute function jobs.tg_schedules_look_ahead();
