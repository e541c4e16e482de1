create or replace function shops.pause_campaign(
  p_campaign_id bigint,
  p_reason text default 'paused by a person'
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update shops.campaigns as k
  set paused_by = 'user', paused_reason = p_reason
  where k.campaign_id = p_campaign_id;
  if not found then
    raise exception using
      errcode = 'SH022',
      message = 'No such campaign.',
      detail  = format('campaign_id=%s', p_campaign_id),
      hint    = 'select campaign_id, name from shops.campaigns;';
  end if;
end;
$$;

comment on function shops.pause_campaign is
  'A person has paused a campaign at Pinterest, or wants its budget left as it is: no job touches '
  'it until a person calls shops.resume_campaign, whatever its product sells. SH022: no such '
  'campaign.';
grant execute on function shops.pause_campaign to autom_operator, service_role;
