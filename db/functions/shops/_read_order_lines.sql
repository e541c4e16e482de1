create or replace function shops._read_order_lines(
  p_user_id uuid,
  p_import_id bigint,
  p_currency text
)
returns table (
  line_no integer,
  order_key text,
  name text,
  created_at timestamptz,
  cancelled_at timestamptz,
  financial_status text,
  refunded text,
  currency text,
  sku text,
  title text,
  quantity integer,
  unit_price text,
  total text,
  problem text
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with told as materialized (
    select l.line_no, l.cells, coalesce(btrim(l.cells ->> 'Name'), '') as name
    from shops.import_lines as l
    where l.user_id = p_user_id and l.import_id = p_import_id
  ),
  -- The first line of an order tells of the order, the others only what else was sold.
  heads as materialized (
    select h.name,
           coalesce('gid://shopify/Order/' || substring(btrim(h.cells ->> 'Id') from '^[0-9]+$'),
             h.name) as order_key,
           h.created_at, h.cancelled_at, h.currency,
           lower(btrim(h.cells ->> 'Financial Status')) as financial_status,
           case when shops._minor(h.cells ->> 'Refunded Amount', h.currency) > 0
             then btrim(h.cells ->> 'Refunded Amount')
           end as refunded,
           case
             when h.name = '' then 'It has no Name.'
             when h.created_at is null then format(
               'Order %s begins on line %s without a readable Created at: %s.',
               h.name, h.line_no, coalesce(h.cells ->> 'Created at', 'none')
             )
             when h.cells ? 'Cancelled at' and h.cancelled_at is null
               then format('Order %s has an unreadable Cancelled at: %s.', h.name,
               h.cells ->> 'Cancelled at')
             when h.currency !~ '^[A-Z]{3}$'
               then format('Order %s has no readable Currency: %s.', h.name, h.currency)
           end as problem
    from (
      select distinct on (t.name)
             t.name, t.line_no, t.cells,
             shops._time(t.cells ->> 'Created at') as created_at,
             shops._time(t.cells ->> 'Cancelled at') as cancelled_at,
             coalesce(upper(btrim(t.cells ->> 'Currency')), p_currency) as currency
      from told as t
      order by t.name, t.line_no
    ) as h
  ),
  read as materialized (
    select t.line_no, t.cells, h.*,
           substring(btrim(t.cells ->> 'Lineitem quantity') from '^[1-9][0-9]{0,8}$')::integer
             as quantity,
           nullif(ltrim(btrim(t.cells ->> 'Lineitem sku'), ''''), '') as sku,
           nullif(btrim(t.cells ->> 'Lineitem name'), '') as title,
           btrim(t.cells ->> 'Lineitem price') as unit_price,
           coalesce(btrim(t.cells ->> 'Lineitem discount'), '0') as discount,
           shops._minor(t.cells ->> 'Lineitem price', h.currency) as unit_price_minor,
           shops._minor(coalesce(t.cells ->> 'Lineitem discount', '0'), h.currency)
             as discount_minor
    from told as t
    join heads as h on h.name = t.name
  ),
  judged as (
    select r.*,
           case
             when r.problem is not null then r.problem
             when r.quantity is null then format(
               'The Lineitem quantity is no whole number above 0: %s.',
               coalesce(r.cells ->> 'Lineitem quantity', 'none')
             )
             when r.sku is null and r.title is null
               then 'It has neither Lineitem name nor Lineitem sku.'
             when r.unit_price_minor is null then format(
               'The Lineitem price is no amount of %s: %s.', r.currency,
               coalesce(r.unit_price, 'none')
             )
             when r.discount_minor is null
               then format('The Lineitem discount is no amount of %s: %s.', r.currency, r.discount)
             when r.discount_minor > r.quantity * r.unit_price_minor
               then 'The Lineitem discount is more than the price.'
           end as wrong
    from read as r
  )
  select j.line_no, j.order_key, j.name, j.created_at, j.cancelled_at, j.financial_status,
    j.refunded, j.currency,
         j.sku, j.title, j.quantity, j.unit_price,
         case when j.wrong is null
           then (j.quantity * j.unit_price::numeric - j.discount::numeric)::text
         end,
         j.wrong
  from judged as j;
$$;

comment on function shops._read_order_lines is
  'The lines of an order export as facts, and what is wrong with those that are none. p_currency '
  'where the file tells none.';
