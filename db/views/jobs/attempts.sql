create or replace view jobs.attempts as
select a.job_id, a.run_no, a.state, a.started_at, a.finished_at,
       coalesce(a.finished_at, jobs.clock()) - a.started_at as took, w.name as worker, a.code,
         a.reason,
       e.sent_at, e.outcome, e.mode as effect
from (
  select h.job_id, h.run_no, h.state, h.started_at, h.finished_at, h.worker_id, h.code, h.reason
  from jobs.history as h
  union all
  select r.job_id, r.run_no, 'running', r.started_at, null, r.worker_id, null, r.cancel_reason
  from jobs.running as r
) as a
left join jobs.workers as w on w.worker_id = a.worker_id
left join jobs.effects as e on e.job_id = a.job_id and e.run_no = a.run_no;

comment on view jobs.attempts is
  'Every run of every job: who had it, when, how it ended, what it sent. Ask by job_id.';
comment on column jobs.attempts.run_no is
  'Counts up with every claim; a gap is a claim that was given back.';
comment on column jobs.attempts.state is
  'done, failed, skipped, cancelled, unknown ended the job; retry and lost only the run; running '
  'goes on.';
comment on column jobs.attempts.started_at is 'Null if it ended without having been claimed.';
comment on column jobs.attempts.took is 'So far, while it is running.';
comment on column jobs.attempts.sent_at is
  'When its request was handed to the worker, who then may have sent it; null if it never was.';
comment on column jobs.attempts.outcome is
  'What the worker reported: done, try_later, give_up, unknown; null where it has not, or nothing '
  'was sent.';
comment on column jobs.attempts.effect is
  'What a repeat does, as its kind said then: see jobs.kinds.effect.';
comment on column jobs.attempts.finished_at is 'Null while it is running.';
comment on column jobs.attempts.worker is 'Null if nobody had it.';
comment on column jobs.attempts.code is
  'The kind of error, as its worker called it; null if none or it had no name.';
comment on column jobs.attempts.reason is
  'Why it ended so, or is to stop; null if there is nothing to say.';
grant select on jobs.attempts to autom_worker, autom_operator, autom_reader;
