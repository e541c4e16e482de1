create or replace function shops.prepare_raise_budget(
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
        when i.state <> 'open' then jsonb_build_object('skip', coalesce(i.reason, i.state))
        when k.paused_by is not null then jsonb_build_object('skip', 'paused_by_' || k.paused_by)
        when not s.enabled then jsonb_build_object('skip', 'disabled')
        when not s.pinterest then jsonb_build_object('skip', 'not_connected')
        when k.daily_budget <> i.from_budget then jsonb_build_object('skip', 'budget_changed')
        when p.state <> 'winner' then jsonb_build_object('skip', 'no_winner')
        else jsonb_build_object(
          'connection_id', k.connection_id,
          'request', jsonb_build_object(
            'ad_account_id', k.ad_account_id,
            'campaign_id', k.external_id,
            'daily_spend_cap', shops._micro(i.to_budget, i.currency)
          )
        )
      end
      from shops.scaling_intents as i
      join shops.campaigns as k on k.user_id = i.user_id and k.campaign_id = i.campaign_id
      join shops.products as p on p.user_id = i.user_id and p.product_id = i.product_id
      join shops.readiness as s on s.user_id = i.user_id and s.shop_id = i.shop_id
      where i.intent_id = (p_payload ->> 'intent_id')::bigint
    ),
    jsonb_build_object('skip', 'no such intent')
  );
$$;

comment on function shops.prepare_raise_budget is
  'Prepares shops.raise_budget: sets the budget that the intent names, if it is still wanted and '
  'nobody paused or changed the campaign. The budget is an absolute number, so a repeat raises '
  'nothing twice.';
