create or replace function jobs._prepare_roll_up(
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
  return jsonb_build_object('done', jobs._roll_up((p_payload ->> 'hour')::timestamptz));
end;
$$;

comment on function jobs._prepare_roll_up is
  'The work of kind jobs.roll_up, which is all SQL: sum up the hour in the payload.';
