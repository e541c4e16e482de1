create or replace function accounts.refresh(p_connection_id uuid)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_service text;
  v_kind    text;
begin
  select c.user_id, c.service, s.refresh_kind into v_user_id, v_service, v_kind
  from accounts.connections as c
  join accounts.services as s on s.service = c.service
  where c.connection_id = p_connection_id;
  if not found then
    raise exception using
      errcode = 'US006',
      message = 'No such connection.',
      detail  = format('connection_id=%s', p_connection_id),
      hint    = 'select * from accounts.connections_status;';
  end if;
  if v_kind is null then
    raise exception using
      errcode = 'US007',
      message = 'Tokens of this service are not renewed.',
      detail  = format('connection_id=%s service=%s', p_connection_id, v_service),
      hint    = 'Store a new token.';
  end if;
  return jobs.enqueue(
    p_kind       := v_kind,
    p_payload    := jsonb_build_object('connection_id', p_connection_id, 'asked_at', jobs.clock()),
    p_key        := p_connection_id::text,
    p_tenant     := v_user_id,
    p_unique_key := p_connection_id::text
  );
end;
$$;

comment on function accounts.refresh is
  'Ask for new tokens of a connection now; return the job_id (that of the renewal under way, if '
  'there is one). US006: no such connection. US007: the service''s tokens are not renewed.';
grant execute on function accounts.refresh to autom_operator, service_role;
