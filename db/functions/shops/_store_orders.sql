create or replace function shops._store_orders(
  p_user_id uuid,
  p_shop_id uuid,
  p_source text,
  p_orders jsonb
)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_changed bigint[];
begin
  -- Whoever stores orders of this shop takes turns: a file and a pass may come together.
  insert into shops.trackings (user_id, shop_id) values (p_user_id, p_shop_id)
    on conflict do nothing;
  perform from shops.trackings as t
  where t.user_id = p_user_id and t.shop_id = p_shop_id
  for no key update;

  with told as materialized (
    select t.* from shops._told_orders(p_orders) as t
  ),
  known as materialized (
    select o.order_key, o.source, o.version, o.digest
    from shops.orders as o
    join told as t on t.order_key = o.order_key
    where o.user_id = p_user_id and o.shop_id = p_shop_id
  ),
  kept as (
    insert into shops.orders as o (
      user_id, shop_id, order_key, name, source, version, digest, financial_status, currency, test,
      cancelled_at, created_at
    )
    select p_user_id, p_shop_id, t.order_key, t.name, p_source, t.version, t.digest,
      t.financial_status,
           t.currency, t.test, t.cancelled_at, t.created_at
    from told as t
    left join known as k on k.order_key = t.order_key
    where k.order_key is null
       or (k.source = 'file' and p_source = 'shop')
       or (k.source = p_source and t.version > k.version)
       or (k.source = p_source and t.version = k.version and t.digest <> k.digest)
    on conflict (user_id, shop_id, order_key) do update
    set name             = excluded.name,
        source           = excluded.source,
        version          = excluded.version,
        digest           = excluded.digest,
        financial_status = excluded.financial_status,
        currency         = excluded.currency,
        test             = excluded.test,
        cancelled_at     = excluded.cancelled_at,
        created_at       = excluded.created_at
    returning o.order_id, o.order_key, o.digest
  )
  select array_agg(o.order_id)
  into v_changed
  from kept as o
  left join known as k on k.order_key = o.order_key
  where k.digest is distinct from o.digest;

  if v_changed is null then
    return 0;
  end if;

  delete from shops.refunds as r
  where r.user_id = p_user_id and r.shop_id = p_shop_id and r.order_id = any (v_changed);
  delete from shops.order_lines as l
  where l.user_id = p_user_id and l.shop_id = p_shop_id and l.order_id = any (v_changed);

  insert into shops.order_lines (
    user_id, shop_id, order_id, line_no, product_id, quantity, current_quantity, total, unit_price,
    created_at, cancelled_at, test, currency, line_gid, product_gid, sku, title
  )
  select p_user_id, p_shop_id, o.order_id, l.line_no, m.product_id,
         (l.line ->> 'quantity')::integer, (l.line ->> 'current_quantity')::integer,
         shops._minor(l.line ->> 'total', l.line ->> 'currency'),
         shops._minor(l.line ->> 'unit_price', l.line ->> 'currency'),
         o.created_at, o.cancelled_at, o.test, l.line ->> 'currency',
         l.line ->> 'line_gid', l.line ->> 'product_gid', s.sku, s.title
  from shops._told_orders(p_orders) as t
  join shops.orders as o
    on o.user_id = p_user_id and o.shop_id = p_shop_id and o.order_key = t.order_key
   and o.order_id = any (v_changed)
  cross join lateral jsonb_array_elements(t.lines) with ordinality as l (line, line_no)
  cross join lateral (
    select nullif(btrim(l.line ->> 'sku'), ''), nullif(btrim(l.line ->> 'title'), '')
  ) as s (sku, title)
  cross join lateral shops._match(p_user_id, p_shop_id, l.line ->> 'product_gid', s.sku, s.title)
    as m;

  insert into shops.refunds (
    user_id, shop_id, order_id, refund_no, line_no, units, amount, currency, told_at
  )
  select p_user_id, p_shop_id, o.order_id,
         row_number() over (partition by o.order_id order by b.line_no nulls first),
         b.line_no, b.units, b.amount, o.currency, o.version
  from shops._told_orders(p_orders) as t
  join shops.orders as o
    on o.user_id = p_user_id and o.shop_id = p_shop_id and o.order_key = t.order_key
   and o.order_id = any (v_changed)
  cross join lateral (
    select null::integer as line_no, 0 as units, t.refunded as amount
    where t.refunded > 0
    union all
    select l.line_no, u.gone, null
    from jsonb_array_elements(t.lines) with ordinality as l (line, line_no)
    cross join lateral (
      select (l.line ->> 'quantity')::integer - (l.line ->> 'current_quantity')::integer
    ) as u (gone)
    where u.gone > 0
  ) as b;

  return cardinality(v_changed);
end;
$$;

comment on function shops._store_orders is
  'Keep orders in the newest version told, each line once; the same again, or older, changes '
  'nothing. What the shop says replaces what a file said, never the other way. Returns how many '
  'orders are new or different. The orders were checked by shops._orders_problem.';
