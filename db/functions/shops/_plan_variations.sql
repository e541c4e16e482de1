create or replace function shops._plan_variations(p_run_id bigint, p_decision_ids bigint[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform shops._lock_quota(array(
    select distinct d.user_id from shops.decisions as d where d.decision_id = any (p_decision_ids)
  ));

  with wanted as materialized (
    select d.user_id, d.decision_id, d.shop_id, d.product_id, p.niche_id, r.variations_per_winner,
           case
             when not s.enabled then 'disabled'
             when not (s.shopify and s.openai) then 'not_connected'
             when not s.configured then 'no_settings'
             when p.niche_id is null then 'no_niche'
             when not n.active then 'niche_not_active'
             when b.budget_left = 0 then 'budget_reached'
           end as refusal,
           q.quota_left
    from shops.decisions as d
    join shops.products as p on p.user_id = d.user_id and p.product_id = d.product_id
    join shops.readiness as s on s.user_id = d.user_id and s.shop_id = d.shop_id
    join shops.present_rules as r on r.user_id = d.user_id and r.shop_id = d.shop_id
    join shops.quota as q on q.user_id = d.user_id
    join shops.budget as b on b.user_id = d.user_id
    left join shops.niches as n on n.user_id = p.user_id and n.niche_id = p.niche_id
    where d.decision_id = any (p_decision_ids) and r.variations_per_winner > 0
  ),
  granted as (
    select w.*,
           case
             when w.refusal is not null then 0
             -- least() skips nulls, and unlimited must not become nothing.
             when w.quota_left is null then w.variations_per_winner
             else least(
               w.variations_per_winner,
               greatest(
                 w.quota_left + w.variations_per_winner
                 - sum(w.variations_per_winner) filter (where w.refusal is null)
                   over (partition by w.user_id order by w.decision_id),
                 0
               )
             )
           end as how_many
    from wanted as w
  )
  insert into shops.scaling_intents
    (user_id, shop_id, product_id, decision_id, action, how_many, state, reason, ended_at)
  select g.user_id, g.shop_id, g.product_id, g.decision_id, 'variations', g.how_many,
         case when g.how_many > 0 then 'done' else 'refused' end,
         coalesce(g.refusal, case when g.how_many < g.variations_per_winner
           then 'monthly_limit_reached' end),
         jobs.clock()
  from granted as g
  order by g.decision_id;

  perform shops._plan_products(p_run_id, w.shop_ids, w.niche_ids, w.how_many, w.parents)
  from (
    select array_agg(i.shop_id order by i.intent_id) as shop_ids,
           array_agg(p.niche_id order by i.intent_id) as niche_ids,
           array_agg(i.how_many order by i.intent_id) as how_many,
           array_agg(i.product_id order by i.intent_id) as parents
    from shops.scaling_intents as i
    join shops.products as p on p.user_id = i.user_id and p.product_id = i.product_id
    where i.decision_id = any (p_decision_ids) and i.action = 'variations' and i.how_many > 0
  ) as w
  where w.shop_ids is not null;
end;
$$;

comment on function shops._plan_variations is
  'Plan new designs of each new winner, from its niche and its prompts, as many as the rules want '
  'and the user''s quota has left; what is refused says why (disabled, not_connected, no_settings, '
  'no_niche: it was imported and has no prompt, niche_not_active, budget_reached, '
  'monthly_limit_reached).';
