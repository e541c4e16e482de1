create or replace function jobs._prepare_schedule(
  p_job_id     bigint,
  p_payload    jsonb,
  p_maybe_sent boolean
)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform jobs._run((p_payload ->> 'run_id')::bigint);
  return jsonb_build_object('done', p_payload -> 'run_id');
end;
$$;

comment on function jobs._prepare_schedule is
  'The work of kind jobs.run_schedule, which is all SQL: run the function of the run in the '
  'payload.';
