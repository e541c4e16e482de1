create or replace function shops._plan_expansion(p_decision_ids bigint[])
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into shops.scaling_intents
    (user_id, shop_id, product_id, decision_id, action, target, state, reason, ended_at)
  select d.user_id, d.shop_id, d.product_id, d.decision_id, 'expand', t.platform,
         case when t.obstacle is null then 'open' else 'refused' end,
         t.obstacle,
         case when t.obstacle is not null then jobs.clock() end
  from shops.decisions as d
  join shops.platform_status as t on t.user_id = d.user_id and t.shop_id = d.shop_id
  where d.decision_id = any (p_decision_ids)
    and t.obstacle is distinct from 'not_in_plan'
    and not exists (
      select
      from shops.syncs as y
      where y.user_id = d.user_id and y.product_id = d.product_id and y.platform = t.platform
        and y.state = 'done'
    )
  order by d.decision_id, t.platform;
$$;

comment on function shops._plan_expansion is
  'Bring each new winner to the platforms of the plan where it is not yet. What is refused says '
  'what is in the way (shops.platform_status); the platform''s own schedule takes the open ones.';
