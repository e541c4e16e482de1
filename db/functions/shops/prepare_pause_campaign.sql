create or replace function shops.prepare_pause_campaign(
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
        when p.state = 'winner' then jsonb_build_object('skip', 'winner_again')
        when not s.pinterest then jsonb_build_object('give_up', 'not_connected')
        else jsonb_build_object(
          'connection_id', k.connection_id,
          'request',
          jsonb_build_object('ad_account_id', k.ad_account_id, 'campaign_id', k.external_id)
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

comment on function shops.prepare_pause_campaign is
  'Prepares shops.pause_campaign: pauses the campaign that the intent names, unless it is paused '
  'already or its product wins again.';
