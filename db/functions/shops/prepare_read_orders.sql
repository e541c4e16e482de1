create or replace function shops.prepare_read_orders(
  p_job_id bigint,
  p_payload jsonb,
  p_maybe_sent boolean
)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (
      select case
        when not s.enabled then jsonb_build_object('skip', 'disabled')
        when c.connection_id is null then jsonb_build_object('skip', 'not_connected')
        else jsonb_build_object(
          'connection_id', c.connection_id,
          'request', jsonb_build_object(
            'updated_since',
            to_char(p.updated_since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
            'after', p_payload ->> 'after',
            'page_size', 50
          )
        )
      end
      from shops.order_passes as p
      join shops.shops as s on s.user_id = p.user_id and s.shop_id = p.shop_id
      left join shops.shop_connections as c
        on c.user_id = p.user_id and c.shop_id = p.shop_id and c.service = 'shopify'
      where p.pass_id = (p_payload ->> 'pass_id')::bigint and p.state = 'reading'
    ),
    jsonb_build_object('skip', 'the pass is over')
  );
$$;

comment on function shops.prepare_read_orders is
  'Prepares shops.read_orders: the next page of a pass, as long as the pass is open and its shop '
  'connected.';
