create or replace function shops._match_lines(p_user_id uuid, p_shop_id uuid)
returns integer
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  with found as (
    update shops.order_lines as l
    set product_id = k.product_id
    from (
      select u.order_id, u.line_no, m.product_id
      from shops.order_lines as u
      cross join lateral shops._match(u.user_id, u.shop_id, u.product_gid, u.sku, u.title) as m
      where u.user_id = p_user_id and u.shop_id = p_shop_id and u.product_id is null
    ) as k
    where l.user_id = p_user_id and l.shop_id = p_shop_id
      and l.order_id = k.order_id and l.line_no = k.line_no and k.product_id is not null
    returning 1
  )
  select count(*)::integer from found;
$$;

comment on function shops._match_lines is
  'Look again for the products of lines whose product is not known, after new products came. '
  'Returns how many were found.';
