create or replace function accounts.prepare_refresh(
  p_job_id bigint,
  p_payload jsonb,
  p_maybe_sent boolean
)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_connection_id uuid        := (p_payload ->> 'connection_id')::uuid;
  v_asked_at      timestamptz := (p_payload ->> 'asked_at')::timestamptz;
  v_connection    record;
  v_secrets       record;
begin
  -- Pinterest's refresh token is spent by its first use: whoever came second would be left with
  -- none. So all who would renew a connection take turns at its row, and the second sees what the
  -- first did.
  select c.user_id, c.state, c.refresh_job_id, c.refresh_until, s.refresh_with
  into v_connection
  from accounts.connections as c
  join accounts.services as s on s.service = c.service
  where c.connection_id = v_connection_id
  for no key update of c;

  if not found then
    return jsonb_build_object('give_up', 'The connection is gone.');
  elsif v_connection.state = 'revoked' then
    return jsonb_build_object('skip', 'The connection is disconnected.');
  elsif v_connection.refresh_job_id <> p_job_id and v_connection.refresh_until > jobs.clock() then
    return jsonb_build_object('skip',
      format('Job %s is renewing it.', v_connection.refresh_job_id));
  end if;

  select bool_or(k.field = v_connection.refresh_with) as renewable,
         max(k.stored_at) filter (where k.field = 'access') as renewed_at
  into v_secrets
  from accounts.secrets as k
  where k.user_id = v_connection.user_id and k.connection_id = v_connection_id;

  if v_secrets.renewed_at >= v_asked_at then
    return jsonb_build_object('skip', 'It was renewed after this was asked for.');
  elsif v_secrets.renewable is not true then
    return jsonb_build_object('give_up', 'There is nothing to renew it with: connect it again.');
  end if;

  update accounts.connections as c
  set refresh_job_id = p_job_id, refresh_until = jobs.clock() + interval '10 minutes'
  where c.user_id = v_connection.user_id and c.connection_id = v_connection_id;
  return jsonb_build_object('request', jsonb_build_object(), 'connection_id', v_connection_id);
end;
$$;

comment on function accounts.prepare_refresh is
  'Prepares the kinds accounts.refresh_*. Payload: {"connection_id", "asked_at"}. Single flight: '
  'of all jobs that would renew a connection one goes out; the others are skipped, and so is one '
  'that a renewal since asked_at has answered. After an unknown outcome (p_maybe_sent) it is '
  'tried again with what we have, the only way there is.';
