create or replace function shops.settle_pause_campaign(
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
  v_state text := p_result ->> 'state';
begin
  if v_state = 'done' and p_result -> 'answer' ->> 'status' is distinct from 'PAUSED' then
    return jsonb_build_object('later', null, 'reason', 'Pinterest does not say that it is paused.');
  end if;

  with ended as (
    update shops.scaling_intents as i
    set state    = case v_state when 'done' then 'done' when 'skipped' then 'refused'
      else 'failed' end,
        reason   = case when v_state <> 'done'
          then left(coalesce(p_result ->> 'reason', v_state), 500) end,
        ended_at = jobs.clock()
    where i.intent_id = (p_payload ->> 'intent_id')::bigint and i.state = 'open'
    returning i.user_id, i.campaign_id, i.state
  )
  update shops.campaigns as k
  set paused_by = 'rule', paused_reason = 'Its product is no winner any more.'
  from ended as e
  where k.user_id = e.user_id and k.campaign_id = e.campaign_id and e.state = 'done'
    and k.paused_by is null;
  return null;
end;
$$;

comment on function shops.settle_pause_campaign is
  'Settles shops.pause_campaign: the campaign is paused by the rule, or the intent says why not.';
