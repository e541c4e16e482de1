create or replace function accounts.settle_refresh(p_job_id bigint, p_payload jsonb, p_result jsonb)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_connection_id uuid  := (p_payload ->> 'connection_id')::uuid;
  v_answer        jsonb := p_result -> 'answer';
  v_state         text;
begin
  select c.state into v_state
  from accounts.connections as c
  where c.connection_id = v_connection_id
  for no key update;

  -- Whoever disconnected it meanwhile meant it: no answer brings it back.
  if p_result ->> 'state' = 'done' and v_state <> 'revoked' then
    if coalesce(v_answer ->> 'access', '') not like 'v1.%' then
      return jsonb_build_object('give_up', 'The answer has no sealed access token.');
    end if;
    perform accounts.store_tokens(
      p_connection_id      := v_connection_id,
      p_access             := v_answer ->> 'access',
      p_refresh            := v_answer ->> 'refresh',
      p_scopes             := case when jsonb_typeof(v_answer -> 'scopes') = 'array'
                                then array(select jsonb_array_elements_text(v_answer
                                  -> 'scopes')) end,
      p_expires_at         := jobs.clock()
        + make_interval(secs => (v_answer ->> 'expires_in')::double precision),
      p_refresh_expires_at := jobs.clock()
        + make_interval(secs => (v_answer ->> 'refresh_expires_in')::double precision)
    );
  elsif p_result ->> 'state' in ('failed', 'unknown') and v_state <> 'revoked' then
    update accounts.connections as c
    set state         = case when p_result ->> 'code' in ('unauthorized', 'invalid_request')
      then 'expired' else c.state end,
        last_error    = left(coalesce(p_result ->> 'reason', 'unknown error'), 500),
        last_error_at = jobs.clock()
    where c.connection_id = v_connection_id;
  end if;

  update accounts.connections as c
  set refresh_job_id = null, refresh_until = null
  where c.connection_id = v_connection_id and c.refresh_job_id = p_job_id;
  return null;
end;
$$;

comment on function accounts.settle_refresh is
  'Settles the kinds accounts.refresh_*. Answer: {"access", "refresh"?, "expires_in" and '
  '"refresh_expires_in" in seconds, "scopes"?}, the tokens sealed by the handler. When the '
  'service refuses the renewal for good, the connection is expired: a person must connect it '
  'again.';
