create or replace function jobs._fire()
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_schedule jobs.schedules;
  v_due      timestamptz[];
  v_at       timestamptz;
  v_run_id   bigint;
  v_fired    integer := 0;
begin
  -- Rows that a revision put in, before there was a trigger to look ahead.
  update jobs.schedules as s
  set next_at = jobs.next_fire(s.cron, s.time_zone, jobs.clock())
  where s.enabled and s.next_at is null;

  for v_schedule in
    select s.* from jobs.schedules as s
    where s.enabled and s.next_at <= jobs.clock()
    order by s.schedule
    for update skip locked
  loop
    v_due := jobs._due(v_schedule.cron, v_schedule.time_zone, v_schedule.next_at,
                       case v_schedule.catch_up when 'all' then v_schedule.catch_max else 1 end);
    foreach v_at in array v_due loop
      insert into jobs.fires (schedule, fire_at) values (v_schedule.schedule, v_at)
      on conflict on constraint fires_happen_once do nothing;
      -- A minute late is still in time; more has to be caught up with.
      if found and (v_schedule.catch_up <> 'none' or v_at > jobs.clock() - interval '1 min') then
        insert into jobs.run_log (name) values (v_schedule.schedule)
        returning run_log.run_id into v_run_id;
        update jobs.fires as f set run_id = v_run_id
        where f.schedule = v_schedule.schedule and f.fire_at = v_at;
        perform jobs.enqueue(
          'jobs.run_schedule',
          jsonb_build_object('run_id', v_run_id, 'schedule', v_schedule.schedule, 'fire_at', v_at)
        );
        v_fired := v_fired + 1;
      end if;
    end loop;
    update jobs.schedules as s
    set next_at = jobs.next_fire(s.cron, s.time_zone, jobs.clock())
    where s.schedule = v_schedule.schedule;
  end loop;
  return v_fired;
end;
$$;

comment on function jobs._fire is
  'Begin a run of every schedule that is due, and of what it missed as its catch-up policy says;
returns how many. Each fire is a row, so however many clocks call this, each time fires once.';
