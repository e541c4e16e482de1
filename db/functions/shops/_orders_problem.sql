create or replace function shops._orders_problem(p_orders jsonb)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when jsonb_typeof(p_orders) is distinct from 'array' then 'there is no list of orders'
    else coalesce(
      (
        select format('order %s: %s', coalesce(o.told ->> 'name', o.place::text), w.what)
        from jsonb_array_elements(p_orders) with ordinality as o (told, place)
        cross join lateral (
          select case
            when coalesce(o.told ->> 'order_gid', '') = '' then 'no id'
            when shops._time(o.told ->> 'created_at') is null then 'no created_at'
            when shops._time(o.told ->> 'updated_at') is null then 'no updated_at'
            when o.told ->> 'cancelled_at' is not null
              and shops._time(o.told ->> 'cancelled_at') is null
              then 'unreadable cancelled_at'
            when jsonb_typeof(o.told -> 'test') is distinct from 'boolean' then 'no test flag'
            when jsonb_typeof(o.told -> 'lines') is distinct from 'array' then 'no list of lines'
          end
        ) as w (what)
        where w.what is not null
        order by o.place
        limit 1
      ),
      (
        select format('order %s, line %s: %s', coalesce(o.told ->> 'name', o.place::text), l.place,
          w.what)
        from jsonb_array_elements(p_orders) with ordinality as o (told, place)
        cross join lateral jsonb_array_elements(o.told -> 'lines') with ordinality
          as l (told, place)
        cross join lateral (
          select case
            when coalesce(l.told ->> 'quantity', '') !~ '^[1-9][0-9]{0,8}$' then 'no quantity'
            when coalesce(l.told ->> 'current_quantity', '') !~ '^[0-9]{1,9}$'
              then 'no current quantity'
            when (l.told ->> 'current_quantity')::integer > (l.told ->> 'quantity')::integer
              then 'more units left than were sold'
            when coalesce(l.told ->> 'currency', '') !~ '^[A-Z]{3}$' then 'no currency'
            when shops._minor(l.told ->> 'total', l.told ->> 'currency') is null then 'no total'
          end
        ) as w (what)
        where w.what is not null
        order by o.place, l.place
        limit 1
      )
    )
  end;
$$;

comment on function shops._orders_problem is
  'What is wrong with a page of orders as shops.read_orders answers it; null: nothing. Half a '
  'page is never stored.';
