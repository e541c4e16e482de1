create or replace view jobs.run_progress as
select j.run_id, j.kind, j.jobs, j.jobs - coalesce(u.unfinished, 0) as ended,
  coalesce(d.dead, 0) as dead
from (
  select j.run_id, j.kind, count(*) as jobs
  from jobs.jobs as j
  where j.run_id is not null
  group by j.run_id, j.kind
) as j
left join (
  select w.run_id, w.kind, count(*) as unfinished
  from (
    select r.run_id, r.kind from jobs.ready as r where r.run_id is not null
    union all
    select s.run_id, s.kind from jobs.scheduled as s where s.run_id is not null
    union all
    select p.run_id, p.kind from jobs.parked as p where p.run_id is not null
    union all
    select r.run_id, r.kind from jobs.running as r where r.run_id is not null
  ) as w
  group by w.run_id, w.kind
) as u on u.run_id = j.run_id and u.kind = j.kind
left join (
  select j.run_id, j.kind, count(*) as dead
  from jobs.dead_letters as d
  join jobs.jobs as j on j.job_id = d.job_id
  where j.run_id is not null
  group by j.run_id, j.kind
) as d on d.run_id = j.run_id and d.kind = j.kind;

comment on view jobs.run_progress is 'How far the jobs of each run are, by kind. Ask by run_id.';
comment on column jobs.run_progress.jobs is
  'Jobs of the run so far: one that ends may enqueue more.';
comment on column jobs.run_progress.ended is 'Jobs that have ended, however they did.';
comment on column jobs.run_progress.dead is
  'Jobs that ended badly and that nobody has retried or discarded.';
grant select on jobs.run_progress to autom_worker, autom_operator, autom_reader;
