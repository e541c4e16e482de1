create or replace view jobs.runs as
select l.run_id, l.name, l.status, l.started_at, l.finished_at,
       case when l.status = 'failed' and l.error is not null then 0
            else greatest(0, l.items - l.failed) end as processed,
       l.failed, l.skipped, l.why, l.error,
       coalesce(l.finished_at, jobs.clock()) - l.started_at as duration
from jobs.run_log as l;

comment on view jobs.runs is
  'Every run of a schedule, whoever began it: the one log for all systems.';
comment on column jobs.runs.status is
  'running; succeeded; partly, where some of its jobs are dead; failed; skipped, where there was '
  'nothing to do.';
comment on column jobs.runs.finished_at is
  'When the last of its jobs had ended; null while it is running.';
comment on column jobs.runs.processed is 'Units that the run decided on, less those that failed.';
comment on column jobs.runs.failed is 'Jobs of the run that are dead.';
comment on column jobs.runs.skipped is 'Units that the run decided to leave alone.';
comment on column jobs.runs.why is
  'Why nothing, or less, was done; null if there is nothing to say.';
comment on column jobs.runs.error is 'What the schedule''s function raised; null if it did not.';
comment on column jobs.runs.duration is 'So far, while it is running.';
grant select on jobs.runs to autom_worker, autom_operator, autom_reader;
