create or replace function jobs._has_begun(p_job_id bigint)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (select from jobs.steps as s where s.job_id = p_job_id)
      or exists (select from jobs.awaits as a where a.job_id = p_job_id)
      or jobs._maybe_sent(p_job_id, 2147483647);
$$;

comment on function jobs._has_begun is
  'A job that was claimed and waits again is in the middle of its work: it keeps steps, waits for an
event, or had a request handed out that may have been sent. What it did belongs to its payload.';
