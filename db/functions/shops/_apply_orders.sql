create or replace function shops._apply_orders(
  p_user_id uuid,
  p_shop_id uuid,
  p_import_id bigint,
  p_last_day date
)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_time_zone text;
  v_currency  text;
  v_begun_at  timestamptz;
  v_first_day date;
  v_last_day  date;
  v_keys      text[];
  v_lines     integer;
begin
  select s.time_zone, coalesce(t.currency, 'EUR'), i.begun_at
  into v_time_zone, v_currency, v_begun_at
  from shops.imports as i
  join shops.shops as s on s.user_id = i.user_id and s.shop_id = i.shop_id
  left join shops.settings as t on t.user_id = s.user_id and t.shop_id = s.shop_id
  where i.user_id = p_user_id and i.import_id = p_import_id;

  insert into shops.import_rejects (user_id, import_id, line_no, reason, cells)
  select l.user_id, l.import_id, l.line_no, r.problem, l.cells
  from shops._read_order_lines(p_user_id, p_import_id, v_currency) as r
  join shops.import_lines as l
    on l.user_id = p_user_id and l.import_id = p_import_id and l.line_no = r.line_no
  where r.problem is not null
  on conflict do nothing;

  with lines as materialized (
    select r.*, max((r.created_at at time zone v_time_zone)::date) over () as last_day
    from shops._read_order_lines(p_user_id, p_import_id, v_currency) as r
    where not exists (
      select
      from shops.import_rejects as j
      where j.user_id = p_user_id and j.import_id = p_import_id and j.line_no = r.line_no
    )
  ),
  shifted as materialized (
    select l.*,
           -- Whole days by the shop's clock, so that an order stays in its hour over a change of
           -- the clocks.
           ((l.created_at at time zone v_time_zone) + s.shift) at time zone v_time_zone
             as ordered_at,
           ((l.cancelled_at at time zone v_time_zone) + s.shift) at time zone v_time_zone
             as given_up_at
    from lines as l
    cross join lateral (
      select make_interval(days => coalesce(p_last_day - l.last_day, 0))
    ) as s (shift)
  ),
  told as (
    select s.order_key, s.name, s.ordered_at, min(s.line_no) as first_line,
           jsonb_build_object(
             'order_gid', s.order_key,
             'name', s.name,
             'created_at', shops._time_text(s.ordered_at),
             'updated_at', shops._time_text(v_begun_at),
             'cancelled_at', shops._time_text(s.given_up_at),
             'test', false,
             'financial_status', s.financial_status,
             'currency', s.currency,
             'refunded', s.refunded,
             'lines', jsonb_agg(
               jsonb_build_object(
                 'sku', s.sku,
                 'title', s.title,
                 'quantity', s.quantity,
                 'current_quantity', case when s.financial_status = 'refunded' then 0
                   else s.quantity end,
                 'unit_price', s.unit_price,
                 'total', s.total,
                 'currency', s.currency
               )
               order by s.line_no
             )
           ) as told
    from shifted as s
    group by s.order_key, s.name, s.ordered_at, s.given_up_at, s.financial_status, s.currency,
      s.refunded
  ),
  batches as (
    select jsonb_agg(n.told order by n.first_line) as told
    from (select t.*, (row_number() over (order by t.first_line) - 1) / 500 as batch from told
      as t) as n
    group by n.batch
  ),
  stored as (
    select count(shops._store_orders(p_user_id, p_shop_id, 'file', b.told)) from batches as b
  )
  select t.keys, t.first_day, t.last_day, n.lines
  into v_keys, v_first_day, v_last_day, v_lines
  from (
    select array_agg(o.order_key) as keys,
           min((o.ordered_at at time zone v_time_zone)::date) as first_day,
           max((o.ordered_at at time zone v_time_zone)::date) as last_day
    from told as o
  ) as t
  cross join (select count(*)::integer as lines from lines as l) as n
  cross join stored as s;

  update shops.imports as i
  set orders    = coalesce(cardinality(v_keys), 0),
      lines     = v_lines,
      unmatched = (
        select count(*)
        from shops.order_lines as l
        join shops.orders as o
          on o.user_id = l.user_id and o.shop_id = l.shop_id and o.order_id = l.order_id
        where l.user_id = p_user_id and l.shop_id = p_shop_id and l.product_id is null
          and o.order_key = any (v_keys)
      ),
      first_day = v_first_day,
      last_day  = v_last_day
  where i.user_id = p_user_id and i.import_id = p_import_id;

  if v_keys is null then
    return;
  end if;

  -- A file knows its last day to the end, but nobody knows what is still to come.
  update shops.trackings as t
  set imported_up_to = greatest(
        t.imported_up_to, least(shops._midnight(v_last_day + 1, v_time_zone), jobs.clock())
      )
  where t.user_id = p_user_id and t.shop_id = p_shop_id;
  update shops.products as p
  set first_tracked_at = shops._midnight(v_first_day, v_time_zone)
  where p.user_id = p_user_id and p.shop_id = p_shop_id
    and p.first_tracked_at is null and p.state in ('published', 'winner', 'loser');
end;
$$;

comment on function shops._apply_orders is
  'Take over the orders of an import, shifted by whole days to p_last_day where that is given. '
  'Sales then count as known to the end of the last day, and products on sale as tracked from the '
  'first one.';
