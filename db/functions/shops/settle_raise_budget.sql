create or replace function shops.settle_raise_budget(
  p_job_id bigint,
  p_payload jsonb,
  p_result jsonb
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_intent record;
begin
  select i.user_id, i.intent_id, i.campaign_id, i.to_budget, i.currency into v_intent
  from shops.scaling_intents as i
  where i.intent_id = (p_payload ->> 'intent_id')::bigint and i.state = 'open'
  for update;
  if not found then
    return null;
  end if;

  if p_result ->> 'state' = 'done'
    and p_result -> 'answer' ->> 'daily_spend_cap'
      is distinct from shops._micro(v_intent.to_budget, v_intent.currency)::text
  then
    return jsonb_build_object('later', null, 'reason',
      'Pinterest names another budget than was set.');
  end if;

  update shops.scaling_intents as i
  set state    = case p_result ->> 'state' when 'done' then 'done' when 'skipped' then 'refused'
    else 'failed' end,
      reason   = case when p_result ->> 'state' <> 'done'
        then left(coalesce(p_result ->> 'reason', p_result ->> 'state'), 500) end,
      ended_at = jobs.clock()
  where i.user_id = v_intent.user_id and i.intent_id = v_intent.intent_id;

  -- After an unknown end the cap may be the new one: the cool-down holds, and the budget counts as
  -- raised.
  if p_result ->> 'state' in ('done', 'unknown') then
    update shops.campaigns as k
    set daily_budget = v_intent.to_budget, raised_at = jobs.clock()
    where k.user_id = v_intent.user_id and k.campaign_id = v_intent.campaign_id;
  end if;
  return null;
end;
$$;

comment on function shops.settle_raise_budget is
  'Settles shops.raise_budget: the campaign has its new budget, or the intent says why not.';
