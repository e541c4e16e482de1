create or replace function jobs.set_alert_rule(
  p_rule        text,
  p_bound       double precision default null,
  p_span        interval default null,
  p_severity    text default null,
  p_clear_after interval default null,
  p_channels    text[] default null,
  p_enabled     boolean default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_unknown text[] := array(
    select n.channel from unnest(p_channels) as n (channel)
    where not exists (select from jobs.alert_channels as c where c.channel = n.channel)
  );
begin
  -- A rule that only tells a channel that is not there, tells nobody.
  if v_unknown <> '{}' then
    raise exception using
      errcode = 'JQ022',
      message = 'There is no such alert channel.',
      detail  = format('channels=%s', v_unknown),
      hint    = 'select channel, sends, description from jobs.alert_channels_status;';
  end if;
  update jobs.alert_rules as r
  set bound = coalesce(p_bound, r.bound), span = coalesce(p_span, r.span),
      severity = coalesce(p_severity, r.severity),
      clear_after = coalesce(p_clear_after, r.clear_after),
      channels = nullif(coalesce(p_channels, r.channels), '{}'),
      enabled = coalesce(p_enabled, r.enabled)
  where r.rule = p_rule;
  if not found then
    perform jobs._refuse_rule(p_rule);
  end if;
end;
$$;

comment on function jobs.set_alert_rule is
  'Change a rule of jobs.alert_rules_status; what is null stays as it is. p_channels {} is every
channel. Raises JQ020 (no such rule), JQ022 (no such channel).';
grant execute on function jobs.set_alert_rule to autom_operator;
