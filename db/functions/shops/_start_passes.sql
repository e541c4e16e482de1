create or replace function shops._start_passes(
  p_run_id bigint,
  p_shop_ids uuid[],
  p_then_scale boolean default false
)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_payloads jsonb[];
  v_keys     text[];
  v_tenants  uuid[];
begin
  with started as (
    insert into shops.order_passes (user_id, shop_id, run_id, then_scale, updated_since)
    select s.user_id, s.shop_id, p_run_id, p_then_scale,
           -- A bit of the last pass again, for clocks differ. At first 60 days: what the scope
           -- read_orders shows without read_all_orders.
           coalesce(t.read_up_to - interval '5 minutes', jobs.clock() - interval '60 days')
    from shops.shops as s
    left join shops.trackings as t on t.user_id = s.user_id and t.shop_id = s.shop_id
    where s.shop_id = any (p_shop_ids)
    order by s.user_id, s.shop_id
    on conflict do nothing
    returning user_id, shop_id, pass_id
  )
  select array_agg(jsonb_build_object('pass_id', p.pass_id) order by p.pass_id),
         array_agg(c.connection_id::text order by p.pass_id),
         array_agg(p.user_id order by p.pass_id)
  into v_payloads, v_keys, v_tenants
  from started as p
  join shops.shop_connections as c
    on c.user_id = p.user_id and c.shop_id = p.shop_id and c.service = 'shopify';

  if v_payloads is null then
    return 0;
  end if;
  perform jobs.enqueue_many('shops.read_orders', v_payloads, v_keys, v_tenants);
  return cardinality(v_payloads);
end;
$$;

comment on function shops._start_passes is
  'Begin to read the orders of shops that have a Shopify connection; a shop that is being read '
  'already goes on as it is. p_then_scale decides winners when a pass is complete. Returns how '
  'many passes began.';
