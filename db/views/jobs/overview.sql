create or replace view jobs.overview as
select k.kind, k.queue, coalesce(r.ready, 0) as ready, coalesce(s.scheduled, 0) as scheduled,
       coalesce(p.parked, 0) as parked, coalesce(u.running, 0) as running,
         coalesce(d.dead, 0) as dead,
       jobs.clock() - r.oldest as oldest_ready, k.description
from jobs.kinds as k
left join (
  select r.kind, count(*) as ready, min(r.ready_at) as oldest from jobs.ready as r group by r.kind
) as r on r.kind = k.kind
left join (
  select s.kind, count(*) as scheduled from jobs.scheduled as s group by s.kind
) as s on s.kind = k.kind
left join (
  select p.kind, count(*) as parked from jobs.parked as p group by p.kind
) as p on p.kind = k.kind
left join (
  select u.kind, count(*) as running from jobs.running as u group by u.kind
) as u on u.kind = k.kind
left join (
  select j.kind, count(*) as dead
  from jobs.dead_letters as d
  join jobs.jobs as j on j.job_id = d.job_id
  group by j.kind
) as d on d.kind = k.kind;

comment on view jobs.overview is 'For each kind of job, how many there are of it in each state.';
comment on column jobs.overview.oldest_ready is
  'How long the first of its ready jobs has waited; null if none is ready.';
comment on column jobs.overview.scheduled is 'They wait for their time.';
comment on column jobs.overview.parked is 'They wait for something else.';
comment on column jobs.overview.dead is
  'They ended badly, and nobody has retried or discarded them.';
grant select on jobs.overview to autom_worker, autom_operator, autom_reader;
