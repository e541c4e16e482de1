create or replace view jobs.finished as
select h.job_id, j.kind, h.state, j.queue, j.key, j.tenant, h.run_no as runs, h.failures,
       j.created_at, h.started_at, h.finished_at, h.finished_at - h.started_at as took,
       h.code, h.reason, h.result, j.run_id, j.payload
from jobs.history as h
join jobs.jobs as j on j.job_id = h.job_id
where h.state not in ('retry', 'lost');

comment on view jobs.finished is
  'Jobs that have ended: done, failed, skipped, cancelled or unknown. One that was retried after '
  'its end has a row for each end. The newest have the highest job_id: order by that, it has an '
  'index.';
comment on column jobs.finished.runs is 'How often it was claimed.';
comment on column jobs.finished.failures is 'Runs of it that failed or crashed.';
comment on column jobs.finished.started_at is
  'When its last run began; null if it ended without one.';
comment on column jobs.finished.took is 'Length of the last run; null if it ended without one.';
comment on column jobs.finished.result is
  'The answer; null above 8 kB, and where the settle function keeps what it needs.';
grant select on jobs.finished to autom_worker, autom_operator, autom_reader;
