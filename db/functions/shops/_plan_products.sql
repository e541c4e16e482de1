create or replace function shops._plan_products(
  p_run_id bigint,
  p_shop_ids uuid[],
  p_niche_ids bigint[],
  p_how_many integer[],
  p_parents bigint[] default null
)
returns table (shop_id uuid, niche_id bigint, parent_product_id bigint, product_id bigint)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_product_ids bigint[];
  v_keys        text[];
  v_tenants     uuid[];
begin
  with wanted as (
    select s.user_id, s.shop_id, s.time_zone, n.niche_id, n.slug, w.parent_product_id,
           t.default_price_minor, t.currency, c.connection_id,
           coalesce(m.image_version, v.image) as image,
           coalesce(m.title_version, v.title) as title,
           coalesce(m.description_version, v.description) as description,
           nextval('shops.products_product_id_seq') as product_id
    from unnest(p_shop_ids, p_niche_ids, p_how_many, p_parents)
      as w (shop_id, niche_id, how_many, parent_product_id)
    join shops.shops as s on s.shop_id = w.shop_id
    join shops.settings as t on t.user_id = s.user_id and t.shop_id = s.shop_id
    join shops.niches as n on n.user_id = s.user_id and n.shop_id = s.shop_id
      and n.niche_id = w.niche_id
    join (
      select p.user_id, p.shop_id,
             max(p.version) filter (where p.type = 'image') as image,
             max(p.version) filter (where p.type = 'title') as title,
             max(p.version) filter (where p.type = 'description') as description
      from shops.prompts as p
      where p.shop_id = any (p_shop_ids)
      group by p.user_id, p.shop_id
    ) as v on v.user_id = s.user_id and v.shop_id = s.shop_id
    -- A variation is made as its parent was, whatever the shop asks for by now.
    left join shops.products as m
      on m.user_id = s.user_id and m.product_id = w.parent_product_id
    left join shops.shop_connections as c
      on c.user_id = s.user_id and c.shop_id = s.shop_id and c.service = 'openai'
    cross join generate_series(1, w.how_many)
  ),
  made as (
    insert into shops.products (
      user_id, product_id, shop_id, niche_id, parent_product_id, origin, run_id, planned_on, state,
      quota_state, quota_month, handle, sku, price_minor, currency,
      image_version, title_version, description_version, optimization_status
    )
    overriding system value
    select w.user_id, w.product_id, w.shop_id, w.niche_id, w.parent_product_id,
           case when w.parent_product_id is null then 'planned' else 'variation' end, p_run_id,
           (jobs.clock() at time zone w.time_zone)::date, 'planned',
           'held', shops._month(), w.slug || '-' || w.product_id, 'POD-' || w.product_id,
           w.default_price_minor, w.currency, w.image, w.title, w.description, 'pending'
    from wanted as w
    returning user_id, product_id
  ),
  held as (
    insert into shops.quota_months as q (user_id, month, held)
    select m.user_id, shops._month(), count(*)
    from made as m
    group by m.user_id
    order by m.user_id
    on conflict (user_id, month) do update set held = q.held + excluded.held
  )
  select array_agg(w.product_id order by w.product_id),
         array_agg(w.connection_id::text order by w.product_id),
         array_agg(w.user_id order by w.product_id)
  into v_product_ids, v_keys, v_tenants
  from wanted as w;

  if v_product_ids is null then
    return;
  end if;

  perform jobs.enqueue_many(
    p_kind        => 'shops.draw_design',
    p_payloads    => array(
      select jsonb_build_object('product_id', i.product_id)
      from unnest(v_product_ids) with ordinality as i (product_id, place)
      order by i.place
    ),
    p_keys        => v_keys,
    p_tenants     => v_tenants,
    p_unique_keys => array(
      select i.product_id::text
      from unnest(v_product_ids) with ordinality as i (product_id, place)
      order by i.place
    )
  );

  return query
  select p.shop_id, p.niche_id, p.parent_product_id, p.product_id
  from shops.products as p
  where p.product_id = any (v_product_ids)
  order by p.product_id;
end;
$$;

comment on function shops._plan_products is
  'Plan products: p_how_many[i] for niche p_niche_ids[i] of shop p_shop_ids[i], variations of '
  'p_parents[i] where that is given, from the prompts in the versions that it was made from; '
  'others from the shop''s present prompts. Holds quota for them and starts their first step, for '
  'all in a fixed number of statements. The caller has decided how many under shops._lock_quota.';
