create or replace function shops.apply_creation(
  p_run_id bigint default null,
  p_shop_id uuid default null
)
returns table (
  user_id uuid,
  shop_id uuid,
  shop text,
  niche_id bigint,
  niche text,
  how_many integer,
  why text,
  quota_left bigint,
  products bigint[]
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_shop_runs bigint[];
begin
  perform shops._lock_quota(array(
    select s.user_id
    from shops.shops as s
    where s.program = 'pod_autom' and (p_shop_id is null or s.shop_id = p_shop_id)
  ));

  with plan as materialized (
    select p.* from shops.plan_creation(p_shop_id => p_shop_id) as p
  ),
  runs as (
    insert into shops.shop_runs (user_id, shop_id, job, run_id, status, items, skip_reason)
    select p.user_id, p.shop_id, 'product_creation', p_run_id,
           case when sum(p.how_many) > 0 then 'succeeded' else 'skipped' end,
           sum(p.how_many),
           min(p.why) filter (where p.how_many = 0)
    from plan as p
    group by p.user_id, p.shop_id
    order by p.user_id, p.shop_id
    returning user_id, shop_id, shop_run_id
  ),
  kept as (
    insert into shops.creation_plans (user_id, shop_run_id, niche_id, how_many, why, quota_left)
    select p.user_id, r.shop_run_id, p.niche_id, p.how_many, p.why, p.quota_left
    from plan as p
    join runs as r on r.user_id = p.user_id and r.shop_id = p.shop_id
  )
  select array_agg(r.shop_run_id) into v_shop_runs from runs as r;

  return query
  with plan as materialized (
    select r.user_id, r.shop_id, s.name as shop, k.niche_id, n.name as niche, k.how_many, k.why,
      k.quota_left
    from shops.creation_plans as k
    join shops.shop_runs as r on r.user_id = k.user_id and r.shop_run_id = k.shop_run_id
    join shops.shops as s on s.user_id = r.user_id and s.shop_id = r.shop_id
    left join shops.niches as n on n.user_id = k.user_id and n.niche_id = k.niche_id
    where k.shop_run_id = any (v_shop_runs)
  ),
  made as (
    select m.niche_id, array_agg(m.product_id order by m.product_id) as products
    from (
      select array_agg(p.shop_id) as shop_ids, array_agg(p.niche_id) as niche_ids,
        array_agg(p.how_many) as how_many
      from plan as p
      where p.how_many > 0
    ) as w
    cross join lateral shops._plan_products(p_run_id, w.shop_ids, w.niche_ids, w.how_many) as m
    group by m.niche_id
  )
  select p.*, coalesce(m.products, '{}')
  from plan as p
  left join made as m on m.niche_id = p.niche_id
  order by p.user_id, p.shop_id, p.niche_id;
end;
$$;

comment on function shops.apply_creation is
  'Do exactly what shops.plan_creation says, for all shops or one: hold quota, plan the products, '
  'start their first step, and keep the plan with its reasons in shops.shop_runs and '
  'shops.creation_plans. Planners of the same user wait for each other, so the quota is never '
  'overshot. Returns the plan with the products planned.';
grant execute on function shops.apply_creation to autom_operator, service_role;
