create or replace function jobs._tell(p_job jobs.running, p_result jsonb)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_settle  text;
  v_payload jsonb;
  v_outside bigint := nullif(current_setting('jobs.run_id', true), '')::bigint;
  v_reply   jsonb;
begin
  select k.settle, j.payload
  from jobs.jobs as j
  join jobs.kinds as k on k.kind = j.kind
  where j.job_id = p_job.job_id
  into v_settle, v_payload;
  if v_settle is null then
    return null;
  end if;
  -- What follows a job of a run belongs to the run; what the caller does next does not.
  perform jobs._enter_run(p_job.run_id);
  execute format('select %I.%I($1, $2, $3)', split_part(v_settle, '.', 1),
    split_part(v_settle, '.', 2))
  using p_job.job_id, v_payload, p_result
  into v_reply;
  perform jobs._enter_run(v_outside);
  return v_reply;
end;
$$;

comment on function jobs._tell is
  'Call the settle function of a job''s kind, if it has one, and return what it says.';
