create or replace view jobs.faults as
with places as (
  select r.job_id, r.run_no from jobs.ready as r
  union all
  select s.job_id, s.run_no from jobs.scheduled as s
  union all
  select p.job_id, p.run_no from jobs.parked as p
  union all
  select r.job_id, r.run_no from jobs.running as r
),
ends as (
  select h.job_id, h.run_no, h.state
  from jobs.history as h
  where h.state not in ('retry', 'lost')
),
last_ends as (
  select e.job_id, max(e.run_no) as run_no
  from ends as e
  group by e.job_id
)
select 'a job is in two places' as fault, p.job_id
from places as p
group by p.job_id
having count(*) > 1
union all
select 'a job is lost', j.job_id
from jobs.jobs as j
where not exists (select from places as p where p.job_id = j.job_id)
  and not exists (select from ends as e where e.job_id = j.job_id)
union all
select 'a place has no job', p.job_id
from places as p
where not exists (select from jobs.jobs as j where j.job_id = p.job_id)
union all
select 'a job that ended is still there', e.job_id
from last_ends as e
join places as p on p.job_id = e.job_id and p.run_no < e.run_no
union all
select 'a run that has ended goes on', h.job_id
from jobs.history as h
join jobs.running as r on r.job_id = h.job_id and r.run_no <= h.run_no
union all
select 'a dead letter of a job that goes on', d.job_id
from jobs.dead_letters as d
join places as p on p.job_id = d.job_id
union all
select 'a dead letter of a job that ended well', d.job_id
from jobs.dead_letters as d
join last_ends as l on l.job_id = d.job_id
join ends as e on e.job_id = l.job_id and e.run_no = l.run_no
where e.state not in ('failed', 'unknown')
union all
select 'a key held by no job', u.job_id
from jobs.unique_keys as u
where u.until is null and not exists (select from places as p where p.job_id = u.job_id)
  and not exists (select from jobs.unfreed_keys as f where f.job_id = u.job_id)
union all
select 'a job held by no worker', r.job_id
from jobs.running as r
where not exists (
  select from jobs.workers as w where w.worker_id = r.worker_id and w.stopped_at is null
);

comment on view jobs.faults is
  'What must never be true of the queue''s tables, whatever was done to it: empty, but for jobs '
  'held by a worker that has just signed off, until the next tick. Reads all that is kept.';
comment on column jobs.faults.fault is 'What is wrong.';
comment on column jobs.faults.job_id is 'Of which job.';
grant select on jobs.faults to autom_operator, autom_reader;
