create or replace function shops.run_optimisation(p_run_id bigint)
returns table (items integer, skipped integer, why text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_payloads jsonb[];
  v_keys     text[];
  v_tenants  uuid[];
begin
  with due as (
    select p.user_id, p.shop_id, p.product_id, c.connection_id
    from shops.products as p
    join shops.readiness as r
      on r.user_id = p.user_id and r.shop_id = p.shop_id and r.enabled and r.shopify and r.openai
    join shops.shop_connections as c
      on c.user_id = p.user_id and c.shop_id = p.shop_id and c.service = 'openai'
    where p.state = 'created'
      and p.optimization_status = 'pending'
      and p.image_url is not null
      and not exists (
        select
        from shops.texts as t
        where t.user_id = p.user_id and t.product_id = p.product_id and t.step = 'optimised'
      )
  ),
  runs as (
    insert into shops.shop_runs (user_id, shop_id, job, run_id, status, items, skip_reason)
    select r.user_id, r.shop_id, 'product_optimize', p_run_id,
           case when d.items > 0 then 'succeeded' else 'skipped' end,
           coalesce(d.items, 0),
           case
             when d.items > 0 then null
             when not r.enabled then 'disabled'
             when not (r.shopify and r.openai) then 'not_connected'
             else 'nothing_to_optimise'
           end
    from shops.readiness as r
    left join (
      select u.user_id, u.shop_id, count(*)::integer as items from due as u group by u.user_id,
        u.shop_id
    ) as d on d.user_id = r.user_id and d.shop_id = r.shop_id
    where r.program = 'pod_autom'
    returning items, skip_reason
  )
  select coalesce(sum(r.items), 0)::integer,
         (count(*) filter (where r.items = 0))::integer,
         coalesce(
           shops._skipped(array_agg(r.skip_reason) filter (where r.items = 0)),
           case when count(*) = 0 then 'no_shops' end
         ),
         (select array_agg(jsonb_build_object('product_id', d.product_id) order by d.product_id)
           from due as d),
         (select array_agg(d.connection_id::text order by d.product_id) from due as d),
         (select array_agg(d.user_id order by d.product_id) from due as d)
  into items, skipped, why, v_payloads, v_keys, v_tenants
  from runs as r;

  if items > 0 then
    perform jobs.enqueue_many(
      p_kind        => 'shops.optimise_product',
      p_payloads    => v_payloads,
      p_keys        => v_keys,
      p_tenants     => v_tenants,
      p_unique_keys => array(
        select u.payload ->> 'product_id'
        from unnest(v_payloads) with ordinality as u (payload, place)
        order by u.place
      )
    );
  end if;
  return next;
end;
$$;

comment on function shops.run_optimisation is
  'The schedule product_optimize: optimise every product that is in its shop with a picture and '
  'was not optimised yet. Imported ones are left as they are. items = products, skipped = shops '
  'without work, why = their reasons.';
