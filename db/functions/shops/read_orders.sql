create or replace function shops.read_orders(p_shop_id uuid)
returns boolean
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select shops._start_passes(null, array[s.shop_id]) > 0
  from (select p_shop_id, shops._owner(p_shop_id)) as s (shop_id, user_id);
$$;

comment on function shops.read_orders is
  'Read a shop''s new and changed orders now. False: it is being read already, or has no Shopify '
  'connection. SH001: no such shop.';
grant execute on function shops.read_orders to autom_operator, service_role;
