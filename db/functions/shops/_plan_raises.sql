create or replace function shops._plan_raises(p_decision_ids bigint[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_intent_ids bigint[];
begin
  -- The limits of a shop hold only if its campaigns are looked at by one at a time.
  perform
  from shops.campaigns as k
  where (k.user_id, k.shop_id) in (
    select d.user_id, d.shop_id from shops.decisions as d where d.decision_id = any (p_decision_ids)
  )
  order by k.user_id, k.campaign_id
  for no key update;

  with wanted as (
    select d.user_id, d.decision_id, d.shop_id, d.product_id, k.campaign_id, k.external_id,
      k.currency,
           k.daily_budget,
           least(k.daily_budget * (100 + r.raise_percent) / 100, r.campaign_budget_limit_minor)
             as to_budget,
           r.campaign_budget_limit_minor, r.raise_day_limit_minor, r.ads_budget_limit_minor,
           case
             when not s.enabled then 'disabled'
             when not s.pinterest then 'not_connected'
             when k.paused_by is not null then 'paused_by_' || k.paused_by
             when k.daily_budget >= r.campaign_budget_limit_minor then 'campaign_limit_reached'
             when k.daily_budget * r.raise_percent < 100 then 'step_too_small'
             when exists (
               select
               from shops.scaling_intents as i
               where i.user_id = k.user_id and i.campaign_id = k.campaign_id and i.state = 'open'
             ) then 'being_raised'
           end as refusal
    from shops.decisions as d
    join shops.campaigns as k
      on k.user_id = d.user_id and k.shop_id = d.shop_id and k.product_id = d.product_id
    join shops.readiness as s on s.user_id = d.user_id and s.shop_id = d.shop_id
    join shops.present_rules as r on r.user_id = d.user_id and r.shop_id = d.shop_id
    where d.decision_id = any (p_decision_ids)
      and r.raise_percent > 0
      and (k.raised_at is null or k.raised_at <= jobs.clock()
        - make_interval(days => r.raise_cool_down_days))
  ),
  -- Raises of the day and budgets of the shop add up in the order of the decisions.
  summed as (
    select w.*,
           t.raised_today + sum(w.to_budget - w.daily_budget) filter (where w.refusal is null)
             over so_far
             as raised,
           t.budgets + sum(w.to_budget - w.daily_budget) filter (where w.refusal is null)
             over so_far
             as budgets
    from wanted as w
    cross join lateral (
      select (
               select coalesce(sum(i.to_budget - i.from_budget), 0)
               from shops.scaling_intents as i
               join shops.sales_days as d on d.user_id = i.user_id and d.shop_id = i.shop_id
               where i.user_id = w.user_id and i.shop_id = w.shop_id and i.action = 'raise_budget'
                 and i.state in ('open', 'done') and i.created_at >= d.day_start
             ) as raised_today,
             (
               select sum(coalesce(i.to_budget, c.daily_budget))
               from shops.campaigns as c
               left join shops.scaling_intents as i
                 on i.user_id = c.user_id and i.campaign_id = c.campaign_id and i.state = 'open'
               where c.user_id = w.user_id and c.shop_id = w.shop_id and c.paused_by is null
             ) as budgets
    ) as t
    window so_far as (partition by w.user_id, w.shop_id order by w.decision_id, w.campaign_id)
  ),
  judged as (
    select s.*,
           coalesce(
             s.refusal,
             case
               when s.raised > s.raise_day_limit_minor then 'day_limit_reached'
               when s.budgets > s.ads_budget_limit_minor then 'shop_limit_reached'
             end
           ) as why_not
    from summed as s
  ),
  kept as (
    insert into shops.scaling_intents as i (
      user_id, shop_id, product_id, decision_id, action, target, campaign_id, from_budget,
      to_budget,
      currency, state, reason, ended_at
    )
    select j.user_id, j.shop_id, j.product_id, j.decision_id, 'raise_budget', j.external_id,
      j.campaign_id,
           j.daily_budget, greatest(j.to_budget, j.daily_budget), j.currency,
           case when j.why_not is null then 'open' else 'refused' end,
           j.why_not,
           case when j.why_not is not null then jobs.clock() end
    from judged as j
    order by j.decision_id, j.campaign_id
    returning i.intent_id, i.state
  )
  select array_agg(k.intent_id) filter (where k.state = 'open') into v_intent_ids
  from kept as k;

  if v_intent_ids is not null then
    perform jobs.enqueue_many(
      p_kind     => 'shops.raise_budget',
      p_payloads => array_agg(jsonb_build_object('intent_id', i.intent_id) order by i.intent_id),
      p_keys     => array_agg(k.connection_id::text order by i.intent_id),
      p_tenants  => array_agg(i.user_id order by i.intent_id)
    )
    from shops.scaling_intents as i
    join shops.campaigns as k on k.user_id = i.user_id and k.campaign_id = i.campaign_id
    where i.intent_id = any (v_intent_ids);
  end if;
end;
$$;

comment on function shops._plan_raises is
  'Raise the budgets of winners'' campaigns by one step each, within the limits of the campaign, '
  'the shop''s day and the shop''s budgets together; not before the cool-down is over, and never '
  'one that is paused. What is refused says why (disabled, not_connected, paused_by_user, '
  'paused_by_rule, campaign_limit_reached, step_too_small, being_raised, day_limit_reached, '
  'shop_limit_reached).';
