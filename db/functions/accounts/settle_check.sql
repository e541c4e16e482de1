create or replace function accounts.settle_check(p_job_id bigint, p_payload jsonb, p_result jsonb)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_connection_id uuid := (p_payload ->> 'connection_id')::uuid;
begin
  if p_result ->> 'state' = 'done' then
    update accounts.connections as c
    set state             = case when c.state = 'expired' then 'connected' else c.state end,
        last_good_call_at = jobs.clock(),
        scopes            = case
          when jsonb_typeof(p_result #> '{answer,granted_scopes}') = 'array'
            then array(select jsonb_array_elements_text(p_result #> '{answer,granted_scopes}'))
          else c.scopes
        end
    where c.connection_id = v_connection_id;
  elsif p_result ->> 'state' = 'failed' then
    update accounts.connections as c
    set state         = case when p_result ->> 'code' = 'unauthorized' and c.state = 'connected'
      then 'expired' else c.state end,
        last_error    = left(coalesce(p_result ->> 'reason', 'unknown error'), 500),
        last_error_at = jobs.clock()
    where c.connection_id = v_connection_id;
  end if;
  return null;
end;
$$;

comment on function accounts.settle_check is
  'Settles the kinds accounts.check_*: keeps the granted scopes and the time of the good call, or '
  'the error; a token that the service refuses (unauthorized) makes the connection expired.';
