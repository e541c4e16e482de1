create or replace function jobs._settle_schedule(p_job_id bigint, p_payload jsonb, p_result jsonb)
returns jsonb
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  update jobs.run_log as l
  set finished_at = jobs.clock(), status = 'failed', error = p_result ->> 'reason'
  where l.run_id = (p_payload ->> 'run_id')::bigint
    and l.finished_at is null
    and p_result ->> 'state' <> 'done';
  select null::jsonb;
$$;

comment on function jobs._settle_schedule is
  'A job of kind jobs.run_schedule that ends without having run its function makes a failed run.';
