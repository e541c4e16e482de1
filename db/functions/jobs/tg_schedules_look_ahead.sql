create or replace function jobs.tg_schedules_look_ahead()
returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  -- From now on: what a schedule missed while it was disabled, or under its old times, is not
  -- caught up.
  new.next_at := case when new.enabled
    then jobs.next_fire(new.cron, new.time_zone, jobs.clock()) end;
  return new;
end;
$$;

comment on function jobs.tg_schedules_look_ahead is
  'Refuse a cron expression that is none (JQ012), and set the next fire of a new or changed '
  'schedule.';

create or replace trigger schedules_look_ahead
before insert or update of cron, time_zone, enabled on jobs.schedules
for each row execute function jobs.tg_schedules_look_ahead();
