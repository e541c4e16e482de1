create or replace view jobs.pg_cron_entries as
select format('%s in %s', e.name, current_database()) as name,
       e.schedule, e.command, e.minutely, current_database() as database
from (
  values
    ('autom tick', '1 second', 'select jobs.tick()', 'call jobs.tick_for_a_minute()')
) as e (name, schedule, command, minutely);

comment on view jobs.pg_cron_entries is
  'What pg_cron has to do, if it is there. "autom schedule install" keeps its table in step with '
  'this. The schedules themselves are not here: jobs.tick fires them.';
comment on column jobs.pg_cron_entries.name is 'Its name there; databases of one server differ.';
comment on column jobs.pg_cron_entries.schedule is 'As pg_cron 1.5 and later says it.';
comment on column jobs.pg_cron_entries.command is 'What that runs.';
comment on column jobs.pg_cron_entries.minutely is
  'What runs each minute instead, where pg_cron is older and knows no seconds.';
grant select on jobs.pg_cron_entries to autom_worker, autom_operator, autom_reader;
