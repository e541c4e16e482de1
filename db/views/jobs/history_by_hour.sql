create or replace view jobs.history_by_hour as
select h.hour, h.queue, h.kind, h.done + h.failed + h.unknown + h.skipped + h.cancelled as ended,
       h.done, h.failed, h.unknown, h.skipped, h.cancelled, h.retried, h.lost,
       h.run_p50, h.run_p95, h.wait_p50, h.wait_p95
from jobs.history_hours as h;

comment on view jobs.history_by_hour is
  'What ended in each hour (UTC), by queue and kind: kept for good, written once the hour can no '
  'longer change.';
comment on column jobs.history_by_hour.ended is 'Jobs that ended, however they did.';
comment on column jobs.history_by_hour.unknown is
  'Ended without it being known whether they did what they were to.';
comment on column jobs.history_by_hour.retried is 'Runs that failed and were to be tried again.';
comment on column jobs.history_by_hour.lost is 'Runs that were lost with their worker.';
comment on column jobs.history_by_hour.run_p50 is
  'Half of the runs took no longer; null if none ran.';
comment on column jobs.history_by_hour.run_p95 is
  '95 of 100 runs took no longer; null if none ran.';
comment on column jobs.history_by_hour.wait_p50 is
  'From the enqueueing to the start of the first run, a wanted delay included: half waited no '
  'longer.';
comment on column jobs.history_by_hour.wait_p95 is 'The same for 95 of 100.';
grant select on jobs.history_by_hour to autom_worker, autom_operator, autom_reader;
