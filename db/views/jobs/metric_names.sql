create or replace view jobs.metric_names as
select m.metric, m.type, m.help
from (
  values
    ('jobs_ready', 'gauge', 'Ready jobs of a queue; 10001 stands for all above 10000.'),
    ('jobs_scheduled', 'gauge', 'Jobs of a queue that wait for their time, among the first 10001.'),
    ('jobs_running', 'gauge', 'Jobs of a queue that workers hold.'),
    ('jobs_dead', 'gauge', 'Jobs of a queue that ended badly, among the first 10001.'),
    ('jobs_oldest_ready_seconds', 'gauge',
     'How long the first ready job of a queue and priority has waited, among its first 1000 keys.'),
    ('jobs_paused_keys', 'gauge', 'Keys of a queue that a person or a service holds up.'),
    ('jobs_workers', 'gauge', 'Workers that are alive.'),
    ('jobs_deaf_workers', 'gauge', 'Workers that no notification reaches: they poll.'),
    ('jobs_tick_age_seconds', 'gauge', 'How long ago jobs.tick last began.'),
    ('jobs_tick_seconds', 'gauge', 'How long the last jobs.tick took.'),
    ('jobs_schedule_late_seconds', 'gauge', 'How long a schedule is overdue; 0 where it is not.'),
    ('jobs_alerts', 'gauge', 'Open alerts of a severity.'),
    ('jobs_xmin_age_seconds', 'gauge',
     'How long the oldest transaction that holds up vacuum is open, prepared ones too.'),
    ('jobs_xmin_age_transactions', 'gauge',
     'How many transactions back the oldest snapshot goes: of a backend, slot or prepared one.'),
    ('jobs_dead_rows', 'gauge', 'Dead rows of a hot table that vacuum has not removed.'),
    ('jobs_lost_leases_total', 'counter', 'Workers whose lease ran out.'),
    ('jobs_reaped_total', 'counter', 'Jobs taken back from workers that were lost or late.'),
    ('jobs_stale_reports_total', 'counter', 'Reports of runs that others had by then.'),
    ('jobs_retried_runs_total', 'counter', 'Runs that failed and were put back for another.'),
    ('jobs_died_total', 'counter', 'Jobs that ended badly.'),
    ('jobs_denied_keys_total', 'counter',
     'Keys that a claim passed over because a limit of theirs was used up.'),
    ('jobs_floors_lowered_total', 'counter',
     'Times that claims began to look behind a ready job, until the next check.')
) as m (metric, type, help);

comment on view jobs.metric_names is 'What the figures of jobs.metrics are.';
comment on column jobs.metric_names.type is
  'gauge goes up and down; counter only grows, until the database is made anew.';
grant select on jobs.metric_names to autom_worker, autom_operator, autom_reader;
