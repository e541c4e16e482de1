create or replace function shops.attach(p_shop_id uuid, p_connection_id uuid)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid := shops._owner(p_shop_id);
  v_service text;
begin
  select c.service into v_service
  from accounts.connections_status as c
  where c.connection_id = p_connection_id and c.user_id = v_user_id;
  if v_service is null then
    raise exception using
      errcode = 'SH005',
      message = 'The shop''s owner has no such connection.',
      detail  = format('shop_id=%s connection_id=%s', p_shop_id, p_connection_id),
      hint    = 'select connection_id, service, account from accounts.connections_status;';
  end if;

  insert into shops.shop_connections (user_id, shop_id, service, connection_id)
  values (v_user_id, p_shop_id, v_service, p_connection_id)
  on conflict (user_id, shop_id, service) do update set connection_id = excluded.connection_id;

  if v_service in ('pinterest', 'shopify') then
    perform shops.look(p_shop_id);
  end if;
end;
$$;

comment on function shops.attach is
  'Make a shop use a connection for its service, in place of the one before, and have a look at '
  'what it shows (boards, collections). SH001: no such shop. SH005: not a connection of the '
  'shop''s owner.';
grant execute on function shops.attach to autom_operator, service_role;
