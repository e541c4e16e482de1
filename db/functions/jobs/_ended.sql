create or replace function jobs._ended(p_job_id bigint)
returns boolean
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select not exists (select from jobs.scheduled as s where s.job_id = p_job_id)
     and not exists (select from jobs.parked as p where p.job_id = p_job_id)
     and not exists (select from jobs.running as r where r.job_id = p_job_id)
     and not exists (
       select from jobs.ready as r
       join jobs.jobs as j on j.queue = r.queue and j.priority = r.priority and j.key = r.key
       where j.job_id = p_job_id and r.seq = p_job_id
     )
     and not exists (
       select from jobs.ready as r where r.job_id = p_job_id and r.seq <> r.job_id
     );
$$;

comment on function jobs._ended is
  'The job waits nowhere and runs nowhere, all seen at one moment.';
