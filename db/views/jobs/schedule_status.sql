create or replace view jobs.schedule_status as
select s.schedule, s.cron, s.time_zone, s.enabled, s.next_at,
       case when s.enabled and s.next_at < jobs.clock() then jobs.clock() - s.next_at end as late,
       l.run_id as last_run_id, l.status as last_status, l.started_at as last_started_at,
       l.finished_at - l.started_at as last_duration, coalesce(l.error, l.why) as last_why,
       s.catch_up, s.description
from jobs.schedules as s
left join lateral (
  select l.* from jobs.run_log as l where l.name = s.schedule order by l.started_at desc limit 1
) as l on true;

comment on view jobs.schedule_status is
  'For each schedule, when it runs next and how it went last.';
comment on column jobs.schedule_status.next_at is
  'Null while it is disabled, or before the first tick.';
comment on column jobs.schedule_status.late is
  'How long the clock should have fired it by now; null if it has not.';
comment on column jobs.schedule_status.last_run_id is 'See jobs.runs; null if it has never run.';
comment on column jobs.schedule_status.last_duration is 'Null while the run is going on.';
comment on column jobs.schedule_status.last_why is
  'Its error, or why it did nothing; null if neither.';
comment on column jobs.schedule_status.cron is
  'Minute, hour, day of the month, month, weekday, by the clock of time_zone.';
comment on column jobs.schedule_status.last_status is 'See jobs.runs; null if it has never run.';
comment on column jobs.schedule_status.catch_up is
  'Of the fires that nobody was there for: none, the last one, or all.';
grant select on jobs.schedule_status to autom_worker, autom_operator, autom_reader;
