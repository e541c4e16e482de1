create or replace function shops.look(p_shop_id uuid)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select count(jobs.enqueue(
    p_kind       => case c.service when 'pinterest' then 'shops.list_boards'
      else 'shops.list_collections' end,
    p_payload    => jsonb_build_object('shop_id', c.shop_id, 'service', c.service),
    p_key        => c.connection_id::text,
    p_tenant     => c.user_id,
    p_unique_key => c.shop_id::text
  ))
  from shops.shop_connections as c
  where c.shop_id = p_shop_id and c.service in ('pinterest', 'shopify');
$$;

comment on function shops.look is
  'Read a shop''s Pinterest boards and Shopify collections anew, into shops.boards and '
  'shops.collections.';
grant execute on function shops.look to autom_operator, service_role;
