create or replace view jobs.workers_status as
select w.worker_id, w.name, w.queues, w.lease_until > jobs.clock() as alive, w.started_at,
       w.lease_until, coalesce(r.running, 0) as running, w.kinds, w.hears
from jobs.workers as w
left join (
  select r.worker_id, count(*) as running from jobs.running as r group by r.worker_id
) as r on r.worker_id = w.worker_id
where w.stopped_at is null;

comment on view jobs.workers_status is 'The workers that have not said goodbye.';
comment on column jobs.workers_status.alive is
  'False once its lease has run out: the next tick gives its jobs to others.';
comment on column jobs.workers_status.lease_until is 'Each heartbeat moves it on.';
comment on column jobs.workers_status.running is 'Jobs that it has in hand.';
comment on column jobs.workers_status.kinds is
  'Kinds that it has a handler for; null where it did not say.';
comment on column jobs.workers_status.hears is
  'Notifications reach it; where they do not, it polls. Null until it has said so.';
grant select on jobs.workers_status to autom_worker, autom_operator, autom_reader;
