create or replace function shops._told_orders(p_orders jsonb)
returns table (
  order_key text,
  name text,
  version timestamptz,
  digest bytea,
  financial_status text,
  currency text,
  test boolean,
  cancelled_at timestamptz,
  created_at timestamptz,
  refunded bigint,
  lines jsonb
)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select distinct on (o.told ->> 'order_gid')
         o.told ->> 'order_gid',
         coalesce(o.told ->> 'name', o.told ->> 'order_gid'),
         shops._time(o.told ->> 'updated_at'),
         sha256(convert_to((o.told - 'updated_at')::text, 'UTF8')),
         lower(o.told ->> 'financial_status'),
         coalesce(o.told ->> 'currency', o.told -> 'lines' -> 0 ->> 'currency'),
         (o.told ->> 'test')::boolean,
         shops._time(o.told ->> 'cancelled_at'),
         shops._time(o.told ->> 'created_at'),
         shops._minor(o.told ->> 'refunded', o.told ->> 'currency'),
         o.told -> 'lines'
  from jsonb_array_elements(p_orders) with ordinality as o (told, place)
  -- An order that changed while the pages were read may stand on two of them.
  order by o.told ->> 'order_gid', shops._time(o.told ->> 'updated_at') desc, o.place desc;
$$;

comment on function shops._told_orders is
  'The orders of a page, each once in its newest version. refunded is an amount of the whole '
  'order in minor units, told by files only.';
