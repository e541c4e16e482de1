create or replace view jobs.pg_cron_entries as
select e.name, e.every, e.command, current_database() as database
from (
  values
    ('autom tick', '1 second', 'select jobs.tick()')
) as e (name, every, command);

comment on view jobs.pg_cron_entries is
  'What pg_cron has to do, if it is there. "autom schedule install" keeps its table in step with '
  'this. The schedules themselves are not here: jobs.tick fires them.';
comment on column jobs.pg_cron_entries.every is
  'As pg_cron 1.5 says it; before that its smallest step is a minute, in which the command is '
  'repeated.';
grant select on jobs.pg_cron_entries to autom_worker, autom_operator, autom_reader;
