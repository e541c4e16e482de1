create or replace view jobs.active as
select u.job_id, u.kind, u.state, u.queue, u.key, j.tenant, u.priority, u.failures, k.max_attempts,
       u.since, jobs.clock() - u.since as age, u.worker_id, u.why, j.run_id, j.payload,
       g.percent, g.note
from (
  select r.job_id, r.kind, 'ready' as state, r.queue, r.key, r.priority, r.failures,
         r.ready_at as since, null::integer as worker_id, null::text as why,
         null::integer as run_no
  from jobs.ready as r
  union all
  select s.job_id, s.kind, 'scheduled', s.queue, s.key, s.priority, s.failures, s.run_at, null,
         s.why, null
  from jobs.scheduled as s
  union all
  select p.job_id, p.kind, 'parked', p.queue, p.key, p.priority, p.failures, p.parked_at, null,
         p.why, null
  from jobs.parked as p
  union all
  select r.job_id, r.kind, case when r.cancel_reason is null then 'running' else 'cancelling' end,
         r.queue, r.key, r.priority, r.failures, r.started_at, r.worker_id, r.cancel_reason,
         r.run_no
  from jobs.running as r
) as u
join jobs.jobs as j on j.job_id = u.job_id
join jobs.kinds as k on k.kind = u.kind
left join jobs.progress as g on g.job_id = u.job_id and g.run_no = u.run_no;

comment on view jobs.active is
  'Every job that has not ended: ready, scheduled, parked, running or cancelling.';
comment on column jobs.active.since is
  'When it became ready, was parked, or began to run; for a scheduled one, when its time comes.';
comment on column jobs.active.age is 'How long that is ago; negative for what is still to come.';
comment on column jobs.active.tenant is 'The user it works for; null is the house itself.';
comment on column jobs.active.priority is '0 urgent, 1 high, 2 normal, 3 idle.';
comment on column jobs.active.failures is 'Runs that failed or crashed so far.';
comment on column jobs.active.worker_id is 'Null unless it is running.';
comment on column jobs.active.why is
  'Why it waits or is to stop; null if it simply waits for its turn.';
comment on column jobs.active.percent is
  'How far it is, as its worker last said; null where it has said nothing.';
comment on column jobs.active.note is 'What its worker said of how far it is.';
comment on column jobs.active.state is 'ready, scheduled, parked, running, cancelling.';
comment on column jobs.active.key is 'What limits and shares are counted by; empty is none.';
comment on column jobs.active.max_attempts is 'Failures and crashes after which it is dead.';
comment on column jobs.active.run_id is 'The run it belongs to, see jobs.runs; null if to none.';
grant select on jobs.active to autom_worker, autom_operator, autom_reader;
