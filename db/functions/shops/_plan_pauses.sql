create or replace function shops._plan_pauses(p_decision_ids bigint[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_intent_ids bigint[];
begin
  with kept as (
    insert into shops.scaling_intents as i
      (user_id, shop_id, product_id, decision_id, action, target, campaign_id, state)
    select d.user_id, d.shop_id, d.product_id, d.decision_id, 'pause', k.external_id,
      k.campaign_id, 'open'
    from shops.decisions as d
    join shops.campaigns as k
      on k.user_id = d.user_id and k.shop_id = d.shop_id and k.product_id = d.product_id
    where d.decision_id = any (p_decision_ids) and k.paused_by is null
    order by d.decision_id, k.campaign_id
    returning i.intent_id
  )
  select array_agg(k.intent_id) into v_intent_ids from kept as k;

  if v_intent_ids is not null then
    perform jobs.enqueue_many(
      p_kind     => 'shops.pause_campaign',
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

comment on function shops._plan_pauses is
  'Pause the campaigns of products that ended as winners, but for those that are paused already.';
