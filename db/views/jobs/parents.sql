create or replace view jobs.parents as
select w.job_id, w.parent_id, w.policy, p.kind, w.state, e.result, e.reason, p.payload
from jobs.waits as w
left join jobs.jobs as p on p.job_id = w.parent_id
left join lateral (
  select h.result, h.reason
  from jobs.history as h
  where w.state is not null and h.job_id = w.parent_id and h.state not in ('retry', 'lost')
  order by h.run_no desc
  limit 1
) as e on true;

comment on view jobs.parents is
  'What each job waits for, or waited for, and what came of it. Ask by job_id, or by parent_id.';
comment on column jobs.parents.state is 'How the parent ended; null until it has.';
comment on column jobs.parents.result is
  'Its answer; null above 8 kB, and where its settle function keeps what it needs.';
comment on column jobs.parents.reason is 'Why the parent ended so; null if it was done.';
grant select on jobs.parents to autom_worker, autom_operator, autom_reader;
