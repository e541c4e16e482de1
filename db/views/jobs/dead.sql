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
comment on column jobs.dead.key is 'What limits and shares are counted by; empty is none.';
comment on column jobs.dead.tenant is 'The user it works for; null is the house itself.';
comment on column jobs.dead.reason is 'Why, in words; null if its worker said nothing.';
comment on column jobs.dead.age is 'How long ago it died.';
comment on column jobs.dead.run_id is 'The run it belongs to, see jobs.runs; null if to none.';
grant select on jobs.dead to autom_worker, autom_operator, autom_reader;
