create or replace view jobs.alert_rules_status as
select r.rule, r.severity, r.bound, r.span, r.enabled, a.open, s.until as silenced_until,
  r.channels,
       not exists (
         select from jobs.alert_channels as c where c.enabled and c.channel = any (r.channels)
       ) and r.channels is not null as is_mute,
       r.clear_after, r.error, r.function, r.description
from jobs.alert_rules as r
cross join lateral (
  select count(*) as open from jobs.alerts as a where a.rule = r.rule and a.resolved_at is null
) as a
left join jobs.alert_silences as s on s.rule = r.rule and s.about = '' and s.until > jobs.clock();

comment on view jobs.alert_rules_status is 'What is worth an alert, and how many there are of it.';
comment on column jobs.alert_rules_status.bound is
  'What the rule measures against; see its description.';
comment on column jobs.alert_rules_status.span is
  'The time that the rule looks back over, or allows.';
comment on column jobs.alert_rules_status.silenced_until is
  'Null while the whole rule is not silenced.';
comment on column jobs.alert_rules_status.channels is 'Where it is told; null is every channel.';
comment on column jobs.alert_rules_status.is_mute is
  'None of the channels that it names is there and on.';
comment on column jobs.alert_rules_status.clear_after is
  'An alert is over when it has not been found for that long.';
comment on column jobs.alert_rules_status.error is
  'Why the rule failed the last time; null if it did not.';
grant select on jobs.alert_rules_status to autom_worker, autom_operator, autom_reader;
