create or replace view jobs.queues_status as
select q.queue, (p.queue is not null) as paused, p.until as paused_until, p.reason as paused_why,
       coalesce(r.ready, 0) as ready, coalesce(s.scheduled, 0) as scheduled,
       coalesce(u.running, 0) as running, coalesce(d.dead, 0) as dead,
       jobs.clock() - r.oldest as oldest_ready, w.workers, q.concurrency, q.max_running,
       k.paused_keys, b.blocked_keys, q.description
from jobs.queues as q
left join jobs.pauses as p
  on p.queue = q.queue and p.key = '' and (p.until is null or p.until > jobs.clock())
left join (
  select r.queue, count(*) as ready, min(r.ready_at) as oldest from jobs.ready as r group by r.queue
) as r on r.queue = q.queue
left join (
  select s.queue, count(*) as scheduled from jobs.scheduled as s group by s.queue
) as s on s.queue = q.queue
left join (
  select u.queue, count(*) as running from jobs.running as u group by u.queue
) as u on u.queue = q.queue
left join (
  select d.queue, count(*) as dead from jobs.dead_letters as d group by d.queue
) as d on d.queue = q.queue
cross join lateral (
  select count(*) as workers
  from jobs.workers as w
  where w.stopped_at is null and w.lease_until > jobs.clock() and q.queue = any (w.queues)
) as w
cross join lateral (
  select count(*) as paused_keys
  from jobs.pauses as k
  where k.queue = q.queue and k.key <> '' and (k.until is null or k.until > jobs.clock())
) as k
cross join lateral (
  select count(*) as blocked_keys
  from jobs.rests as r
  where r.queue = q.queue and r.key <> '' and r.until > jobs.clock()
) as b;

comment on view jobs.queues_status is
  'For each queue, what waits and runs in it, who serves it, and what holds it up.';
comment on column jobs.queues_status.paused_until is
  'Null until somebody resumes it, or if it is not paused.';
comment on column jobs.queues_status.oldest_ready is
  'How long the first of its ready jobs has waited; null if none is ready.';
comment on column jobs.queues_status.workers is 'Workers that serve it and are alive.';
comment on column jobs.queues_status.concurrency is 'Jobs that one worker works at once.';
comment on column jobs.queues_status.max_running is
  'Jobs that all workers together work at once; null is no bound.';
comment on column jobs.queues_status.paused_keys is 'Keys that a person has paused.';
comment on column jobs.queues_status.blocked_keys is
  'Keys that a service has asked to leave alone for a while.';
comment on column jobs.queues_status.paused_why is 'What who paused it said; null if nothing.';
comment on column jobs.queues_status.dead is
  'Jobs that ended badly and that nobody has retried or discarded.';
grant select on jobs.queues_status to autom_worker, autom_operator, autom_reader;
