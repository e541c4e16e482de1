create or replace function accounts.open_connection(
  p_user_id uuid,
  p_service text,
  p_account text,
  p_base_url text default null,
  p_client_id text default null
)
returns uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_pattern       text;
  v_connection_id uuid;
begin
  if not exists (select from accounts.users as u where u.user_id = p_user_id) then
    raise exception using
      errcode = 'US002',
      message = 'No such user.',
      detail  = format('user_id=%s', p_user_id);
  end if;

  select s.account_pattern into v_pattern from accounts.services as s where s.service = p_service;
  if v_pattern is null then
    raise exception using
      errcode = 'US004',
      message = 'No such service.',
      detail  = format('service=%s', p_service),
      hint    = 'select service from accounts.services;';
  end if;

  -- The account becomes part of the address that the tokens are sent to.
  if p_base_url is null and p_account !~ v_pattern then
    raise exception using
      errcode = 'US005',
      message = 'This is no account of that service.',
      detail  = format('service=%s account=%s pattern=%s', p_service, p_account, v_pattern),
      hint    = 'Shopify: the shop''s own domain, such as acme.myshopify.com.';
  end if;

  insert into accounts.connections as c (user_id, service, account, base_url, client_id)
  values (p_user_id, p_service, p_account, p_base_url, p_client_id)
  on conflict on constraint connections_happen_once do update
    set base_url  = coalesce(excluded.base_url, c.base_url),
        client_id = coalesce(excluded.client_id, c.client_id)
  returning c.connection_id into v_connection_id;
  return v_connection_id;
end;
$$;

comment on function accounts.open_connection is
  'Make the connection of a user to an account of a service, without tokens yet (state pending), '
  'and return its connection_id. The same user, service and account give the same id; a base_url '
  'or client_id that is given replaces the old one. US002: no such user. US004: no such service. '
  'US005: not an account name of that service.';
grant execute on function accounts.open_connection to autom_operator, service_role;
