create or replace view jobs.held as
select p.queue, nullif(p.key, '') as key, 'person' as held_by, p.paused_at as since, p.until,
  p.reason
from jobs.pauses as p
where p.until is null or p.until > jobs.clock()
union all
select r.queue, nullif(r.key, ''), 'service', null, r.until, 'It asked for silence.'
from jobs.rests as r
where r.until > jobs.clock();

comment on view jobs.held is
  'Queues, and keys of queues, that nobody takes jobs of for now, and why.';
comment on column jobs.held.key is 'Null is the whole queue.';
comment on column jobs.held.held_by is
  'person: jobs.pause, ended by jobs.resume; service: a Retry-After or a limit that is used up.';
comment on column jobs.held.since is 'Null where a service holds it.';
comment on column jobs.held.until is 'Null until somebody resumes it.';
grant select on jobs.held to autom_worker, autom_operator, autom_reader;
