create or replace function jobs.set_alert_channel(
  p_channel      text,
  p_sends        text,
  p_url_from     text,
  p_mail_from    text default null,
  p_mail_to      text[] default null,
  p_min_severity text default 'info',
  p_enabled      boolean default true,
  p_description  text default ''
)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into jobs.alert_channels as c (
    channel, kind, url_from, mail_from, mail_to, min_severity, enabled, description
  )
  values (p_channel, 'jobs.send_' || p_sends, p_url_from, p_mail_from, p_mail_to, p_min_severity,
          p_enabled, p_description)
  on conflict (channel) do update
  set kind = excluded.kind, url_from = excluded.url_from, mail_from = excluded.mail_from,
      mail_to = excluded.mail_to, min_severity = excluded.min_severity,
      enabled = excluded.enabled, description = excluded.description;
$$;

comment on function jobs.set_alert_channel is
  'Say where alerts are told. p_sends: slack or mail; p_url_from: the environment variable of the
workers,
AUTOM_ALERT_…, that holds the URL of the webhook or the mail server. The same name again changes
it.';
grant execute on function jobs.set_alert_channel to autom_operator;
