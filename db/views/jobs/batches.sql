create or replace view jobs.batches as
select l.run_id as batch_id, l.name,
       case when l.returned_at is null then 'open' else l.status end as status,
       n.jobs, n.jobs - u.unfinished as ended, d.dead,
       case when n.jobs > 0 then 100 * (n.jobs - u.unfinished) / n.jobs end as percent,
       l.started_at, l.returned_at as closed_at, l.finished_at, l.final_kind, l.final_policy
from jobs.run_log as l
cross join lateral (select count(*) as jobs from jobs.jobs as j where j.run_id = l.run_id) as n
cross join lateral (
  select (select count(*) from jobs.ready as r where r.run_id = l.run_id)
         + (select count(*) from jobs.scheduled as s where s.run_id = l.run_id)
         + (select count(*) from jobs.parked as p where p.run_id = l.run_id)
         + (select count(*) from jobs.running as r where r.run_id = l.run_id) as unfinished
) as u
cross join lateral (
  select count(*) as dead
  from jobs.jobs as j
  join jobs.dead_letters as x on x.job_id = j.job_id
  where j.run_id = l.run_id
) as d
where l.is_batch;

comment on view jobs.batches is
  'Batches and how far they are: counted when asked, so ask by batch_id. Their results: '
  'select result from jobs.finished where run_id = …;';
comment on column jobs.batches.status is
  'open; running, once it is closed; succeeded; partly, where some of its jobs are dead; failed; '
  'skipped, where it was empty.';
comment on column jobs.batches.jobs is 'Jobs of the batch so far: one that ends may enqueue more.';
comment on column jobs.batches.ended is 'Jobs that have ended, however they did.';
comment on column jobs.batches.dead is
  'Jobs that ended badly and that nobody has retried or discarded.';
comment on column jobs.batches.percent is
  'Share of its jobs that has ended; null where it is empty.';
grant select on jobs.batches to autom_worker, autom_operator, autom_reader;
