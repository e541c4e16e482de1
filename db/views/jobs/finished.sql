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
comment on column jobs.finished.state is 'done, failed, skipped, cancelled, unknown.';
comment on column jobs.finished.key is 'What limits and shares are counted by; empty is none.';
comment on column jobs.finished.tenant is 'The user it works for; null is the house itself.';
comment on column jobs.finished.code is
  'The kind of error, as its worker called it; null if none or it had no name.';
comment on column jobs.finished.reason is 'Why it ended so; null if there is nothing to say.';
comment on column jobs.finished.run_id is 'The run it belongs to, see jobs.runs; null if to none.';
grant select on jobs.finished to autom_worker, autom_operator, autom_reader;
