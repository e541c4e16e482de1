create or replace view jobs.dead as
select d.job_id, j.kind, d.state, d.queue, d.key, j.tenant, d.code, d.reason, d.died_at,
       jobs.clock() - d.died_at as age, d.run_no as runs, j.run_id, j.payload
from jobs.dead_letters as d
join jobs.jobs as j on j.job_id = d.job_id;

comment on view jobs.dead is
  'Jobs that ended badly and that nobody has retried or discarded: select jobs.retry(job_id) from '
  'jobs.dead where …;';
comment on column jobs.dead.state is
  'failed, or unknown: what it was to do outside may or may not have happened.';
comment on column jobs.dead.code is
  'The kind of error, as its worker called it; null if it had no name.';
comment on column jobs.dead.runs is 'How often it was claimed.';
grant select on jobs.dead to autom_worker, autom_operator, autom_reader;
