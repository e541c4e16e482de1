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
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  -- As browsers check it: https://html.spec.whatwg.org/#valid-e-mail-address
  v_address constant text :=
    '^[a-zA-Z0-9.!#$%&''*+/=?^_`{|}~-]+@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*$';
  v_wrong   text;
  v_may_be  text;
begin
  -- Before the table's own checks, whose refusal shows the whole row: whoever takes p_url_from for
  -- the place of the URL would find that secret in the log.
  select r.what, r.may_be
  from (values
    (1, 'p_channel', p_channel ~ '^[a-z][a-z0-9_-]*$', 'small letters, digits, - and _'),
    (2, 'p_sends', p_sends in ('slack', 'mail'), 'slack or mail'),
    (3, 'p_url_from', p_url_from ~ '^AUTOM_ALERT_[A-Z0-9_]+$',
     'the name of an environment variable of the workers, AUTOM_ALERT_…, that holds the URL'),
    (4, 'p_mail_from', p_sends = 'slack' or p_mail_from ~ v_address, 'an address: me@example.com'),
    (5, 'p_mail_to', p_sends = 'slack' or cardinality(p_mail_to) > 0 and (
       select bool_and(coalesce(t.address ~ v_address, false))
       from unnest(p_mail_to) as t (address)
     ), 'one address or more: ann@example.com'),
    (6, 'p_min_severity', p_min_severity in ('info', 'warning', 'critical'),
     'info, warning or critical')
  ) as r (place, what, is_good, may_be)
  where r.is_good is not true
  order by r.place
  limit 1
  into v_wrong, v_may_be;
  if found then
    raise exception using
      errcode = 'JQ024',
      message = 'An alert channel cannot be like this.',
      detail  = format('%s is not what it may be', v_wrong),
      hint    = format('%s: %s.', v_wrong, v_may_be);
  end if;

  insert into jobs.alert_channels as c (
    channel, kind, url_from, mail_from, mail_to, min_severity, enabled, description
  )
  values (p_channel, 'jobs.send_' || p_sends, p_url_from, p_mail_from, p_mail_to, p_min_severity,
          p_enabled, p_description)
  on conflict (channel) do update
  set kind = excluded.kind, url_from = excluded.url_from, mail_from = excluded.mail_from,
      mail_to = excluded.mail_to, min_severity = excluded.min_severity,
      enabled = excluded.enabled, description = excluded.description;
end;
$$;

comment on function jobs.set_alert_channel is
  'Say where alerts are told. p_sends: slack or mail; p_url_from: the environment variable of the
workers, AUTOM_ALERT_…, that holds the URL of the webhook or the mail server; p_mail_from and
p_mail_to: plain addresses, which mail needs. The same name again changes it. Raises JQ024, which
says what is wrong and never repeats what was given.';
grant execute on function jobs.set_alert_channel to autom_operator;
