create or replace view jobs.alert_channels_status as
select c.channel, replace(c.kind, 'jobs.send_', '') as sends, c.url_from, c.mail_to, c.min_severity,
       c.enabled, u.untold, n.outcome as last_outcome, n.ended_at as last_at,
       n.reason as last_reason,
       coalesce(n.outcome in ('failed', 'unknown'), false) as is_deaf, c.description
from jobs.alert_channels as c
cross join lateral (
  select count(*) as untold from jobs.alert_notices as n where n.channel = c.channel
    and n.ended_at is null
) as u
left join lateral (
  select n.outcome, n.ended_at, n.reason
  from jobs.alert_notices as n
  where n.channel = c.channel and n.ended_at is not null
  order by n.ended_at desc
  limit 1
) as n on true;

comment on view jobs.alert_channels_status is 'Where alerts are told, and how that went last.';
comment on column jobs.alert_channels_status.sends is 'slack or mail.';
comment on column jobs.alert_channels_status.url_from is
  'The environment variable of the workers that holds the URL.';
comment on column jobs.alert_channels_status.untold is 'Notices that wait for their delivery.';
comment on column jobs.alert_channels_status.last_outcome is
  'done, failed, unknown (it may have arrived), skipped, cancelled; null before the first.';
comment on column jobs.alert_channels_status.is_deaf is
  'Its last message did not arrive, or may not have.';
comment on column jobs.alert_channels_status.mail_to is 'Null for slack.';
comment on column jobs.alert_channels_status.min_severity is 'What is below it is not told here.';
grant select on jobs.alert_channels_status to autom_worker, autom_operator, autom_reader;
