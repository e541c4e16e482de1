create or replace function accounts.store_tokens(
  p_connection_id uuid,
  p_access text,
  p_refresh text default null,
  p_client_secret text default null,
  p_scopes text[] default null,
  p_expires_at timestamptz default null,
  p_refresh_expires_at timestamptz default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  update accounts.connections as c
  set state              = case when p_access is not null then 'connected'
                                when c.state in ('expired', 'revoked') then 'pending'
                                else c.state end,
      scopes             = coalesce(p_scopes, c.scopes),
      expires_at         = case when p_access is not null then p_expires_at else c.expires_at end,
      refresh_expires_at = case when p_refresh is not null then p_refresh_expires_at
        else c.refresh_expires_at end
  where c.connection_id = p_connection_id
  returning c.user_id into v_user_id;
  if not found then
    raise exception using
      errcode = 'US006',
      message = 'No such connection.',
      detail  = format('connection_id=%s', p_connection_id),
      hint    = 'select * from accounts.connections_status;';
  end if;

  -- All tokens that came together are stored in one transaction: Pinterest's refresh token is worth
  -- nothing once it has been used.
  insert into accounts.secrets as s (user_id, connection_id, field, sealed)
  select v_user_id, p_connection_id, t.field, t.sealed
  from (values ('access', p_access), ('client_secret', p_client_secret), ('refresh', p_refresh))
    as t (field, sealed)
  where t.sealed is not null
  on conflict on constraint secrets_pkey do update
    set sealed = excluded.sealed, stored_at = excluded.stored_at;
end;
$$;

comment on function accounts.store_tokens is
  'Keep the sealed tokens of a connection and mark it connected (pending while there is no access '
  'token). A null keeps what is there; p_expires_at goes with p_access, p_refresh_expires_at with '
  'p_refresh, null = does not run out. Plain text is refused by the constraint '
  'secrets_are_never_plain_text. US006: no such connection.';
grant execute on function accounts.store_tokens to autom_operator, autom_worker, service_role;
