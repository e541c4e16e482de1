create or replace function jobs._free_unique_keys(p_job_ids bigint[])
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  delete from jobs.unique_keys as u
  where u.job_id = any (p_job_ids) and (u.until is null or u.until <= jobs.clock());
$$;

comment on function jobs._free_unique_keys is
  'Let go of the unique keys of jobs that end; those taken for a time stay until it is over.';
