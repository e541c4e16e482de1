create or replace function shops._settle_ai_call(p_job_id bigint, p_result jsonb)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select shops._end_ai_call(
    p_job_id,
    case
      when p_result ->> 'state' = 'done' then 'paid'
      when p_result ->> 'state' = 'failed'
        and coalesce(p_result ->> 'code', '') not in ('timeout', 'lost') then 'not_charged'
      else 'unknown'
    end,
    p_result #> '{answer,usage}',
    p_result #>> '{answer,request_id}'
  );
$$;

comment on function shops._settle_ai_call is
  'End the open call of a job by its result: an answer is paid for, whatever it is worth; a '
  'refusal of the service is not; what was cut off may have been.';
