create or replace view jobs.whereabouts as
select j.job_id, j.kind, coalesce(n.state, h.state) as state, j.queue, j.key, j.tenant,
       coalesce(n.priority, j.priority) as priority, coalesce(n.runs, h.run_no) as runs,
       coalesce(n.failures, h.failures) as failures, k.max_attempts,
       coalesce(n.since, h.finished_at) as since, w.name as worker, h.code,
       coalesce(n.why, h.reason) as why, d.job_id is not null as dead, j.run_id, j.created_at,
       j.unique_key, h.result, j.payload, g.percent, g.note
from jobs.jobs as j
join jobs.kinds as k on k.kind = j.kind
left join lateral (
  -- Its place in line is its own number, or it has moved: each has its index.
  select 'ready' as state, r.ready_at as since, r.run_no as runs, r.failures, r.priority,
         null::integer as worker_id, null::text as why
  from jobs.ready as r
  where r.queue = j.queue and r.priority = j.priority and r.key = j.key and r.seq = j.job_id
  union all
  select 'ready', r.ready_at, r.run_no, r.failures, r.priority, null, null
  from jobs.ready as r
  where r.job_id = j.job_id and r.seq <> r.job_id
  union all
  select 'scheduled', s.run_at, s.run_no, s.failures, s.priority, null, s.why
  from jobs.scheduled as s
  where s.job_id = j.job_id
  union all
  select 'parked', p.parked_at, p.run_no, p.failures, p.priority, null, p.why
  from jobs.parked as p
  where p.job_id = j.job_id
  union all
  select case when r.cancel_reason is null then 'running' else 'cancelling' end,
         r.started_at, r.run_no, r.failures, r.priority, r.worker_id, r.cancel_reason
  from jobs.running as r
  where r.job_id = j.job_id
  limit 1
) as n on true
left join lateral (
  select h.state, h.finished_at, h.run_no, h.failures, h.worker_id, h.code, h.reason, h.result
  from jobs.history as h
  where n.state is null and h.job_id = j.job_id and h.state not in ('retry', 'lost')
  order by h.run_no desc
  limit 1
) as h on true
left join jobs.workers as w on w.worker_id = coalesce(n.worker_id, h.worker_id)
left join jobs.dead_letters as d on d.job_id = j.job_id
left join jobs.progress as g
  on g.job_id = j.job_id and g.run_no = n.runs and n.state in ('running', 'cancelling');

comment on view jobs.whereabouts is
  'Every job once: where it is now, or how it ended. Ask by job_id or run_id, or in the order of '
  'job_id; jobs.find looks by state.';
comment on column jobs.whereabouts.state is
  'ready, scheduled, parked, running, cancelling; or how it ended: done, failed, skipped, '
  'cancelled, unknown.';
comment on column jobs.whereabouts.tenant is 'The user it works for; null is the house itself.';
comment on column jobs.whereabouts.priority is '0 urgent, 1 high, 2 normal, 3 idle.';
comment on column jobs.whereabouts.runs is 'How often it was claimed.';
comment on column jobs.whereabouts.failures is
  'Runs of it that failed or crashed, since it was last retried.';
comment on column jobs.whereabouts.since is
  'When it became ready, was parked, began to run or ended; for a scheduled one, when its time '
  'comes.';
comment on column jobs.whereabouts.worker is 'Who has it, or had it when it ended; null if nobody.';
comment on column jobs.whereabouts.code is
  'The kind of error that ended it, as its worker called it; null if none or it had no name.';
comment on column jobs.whereabouts.why is
  'Why it waits, or why it ended so; null if there is nothing to say.';
comment on column jobs.whereabouts.dead is
  'It ended badly, and nobody has retried or discarded it.';
comment on column jobs.whereabouts.run_id is
  'The run it belongs to, see jobs.runs; null if to none.';
comment on column jobs.whereabouts.percent is
  'How far it is, as its worker last said; null where it has said nothing or does not run.';
comment on column jobs.whereabouts.note is 'What its worker said of how far it is.';
comment on column jobs.whereabouts.result is
  'The answer; null above 8 kB, and where the settle function keeps what it needs.';
comment on column jobs.whereabouts.key is 'What limits and shares are counted by; empty is none.';
comment on column jobs.whereabouts.unique_key is
  'The unique key that it was enqueued with; null is none.';
comment on column jobs.whereabouts.max_attempts is 'Failures and crashes after which it is dead.';
grant select on jobs.whereabouts to autom_worker, autom_operator, autom_reader;
