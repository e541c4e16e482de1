create or replace function accounts.check(p_connection_id uuid)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_kind    text;
begin
  select c.user_id, v.check_kind into v_user_id, v_kind
  from accounts.connections as c
  join accounts.services as v on v.service = c.service
  where c.connection_id = p_connection_id;
  if not found then
    raise exception using
      errcode = 'US006',
      message = 'No such connection.',
      detail  = format('connection_id=%s', p_connection_id),
      hint    = 'select * from accounts.connections_status;';
  end if;
  return jobs.enqueue(
    p_kind       := v_kind,
    p_payload    := jsonb_build_object('connection_id', p_connection_id),
    p_key        := p_connection_id::text,
    p_tenant     := v_user_id,
    p_unique_key := format('connection=%s', p_connection_id)
  );
end;
$$;

comment on function accounts.check is
  'Ask for a test of the connection by one small call; return the job_id (that of the test under '
  'way, if there is one). Its result is in accounts.connections_status. US006: no such '
  'connection.';
grant execute on function accounts.check to autom_operator, service_role;
