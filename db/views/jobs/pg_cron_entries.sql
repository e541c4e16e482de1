create or replace view jobs.pg_cron_entries as
with names as (
  select format('autom tick in %s', current_database()) as tick,
         format('autom tidy for %s', current_database()) as tidy
)
select n.tick as name, '1 second' as schedule, 'select jobs.tick()' as command,
       'call jobs.tick_for_a_minute()' as minutely, current_database() as database
from names as n
union all
-- A row for each run, of which pg_cron drops none by itself: 86,400 a day.
select n.tidy, '17 * * * *', format(
         'delete from cron.job_run_details as r using cron.job as j'
         ' where j.jobid = r.jobid and j.jobname in (%L, %L)'
         ' and coalesce(r.end_time, r.start_time) < clock_timestamp() - interval ''1 day''',
         n.tick, n.tidy
       ), null, null
from names as n;

comment on view jobs.pg_cron_entries is
  'What pg_cron has to do, if it is there: tick, and drop what it wrote down of that a day ago. '
  '"autom schedule install" keeps its table in step with this. The schedules themselves are not '
  'here: jobs.tick fires them.';
comment on column jobs.pg_cron_entries.name is 'Its name there; databases of one server differ.';
comment on column jobs.pg_cron_entries.schedule is 'As pg_cron 1.5 and later says it.';
comment on column jobs.pg_cron_entries.command is 'What that runs.';
comment on column jobs.pg_cron_entries.minutely is
  'What runs each minute instead, where pg_cron is older and knows no seconds; null where the '
  'schedule has none.';
comment on column jobs.pg_cron_entries.database is
  'Where it runs; null is the database that pg_cron is in.';
grant select on jobs.pg_cron_entries to autom_worker, autom_operator, autom_reader;
