create or replace function jobs._maybe_sent(p_job_id bigint, p_run_no integer)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from jobs.effects as e
    where e.job_id = p_job_id and e.run_no < p_run_no
      and coalesce(e.outcome, 'unknown') = 'unknown'
  );
$$;

comment on function jobs._maybe_sent is
  'Some run of the job before p_run_no was handed its request, and nobody knows how that ended.';
