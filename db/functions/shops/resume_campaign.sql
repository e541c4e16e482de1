create or replace function shops.resume_campaign(p_campaign_id bigint)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update shops.campaigns as k
  set paused_by = null, paused_reason = null
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

comment on function shops.resume_campaign is
  'A person has restarted a campaign at Pinterest, or will: its budget may rise again while its '
  'product wins. No job calls this, and nothing here restarts a campaign. SH022: no such '
  'campaign.';
grant execute on function shops.resume_campaign to autom_operator, service_role;
