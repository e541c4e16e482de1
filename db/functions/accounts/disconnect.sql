create or replace function accounts.disconnect(p_connection_id uuid)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update accounts.connections as c
  set state = 'revoked', scopes = null, expires_at = null, refresh_expires_at = null
  where c.connection_id = p_connection_id;
  if not found then
    raise exception using
      errcode = 'US006',
      message = 'No such connection.',
      detail  = format('connection_id=%s', p_connection_id),
      hint    = 'select * from accounts.connections_status;';
  end if;
  delete from accounts.secrets as s where s.connection_id = p_connection_id;
end;
$$;

comment on function accounts.disconnect is
  'Forget the tokens of a connection and mark it revoked. The row stays, so that what was done '
  'through it can be told; accounts.store_tokens connects it again. US006: no such connection.';
grant execute on function accounts.disconnect to autom_operator, service_role;
