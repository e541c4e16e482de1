create or replace function jobs.silence_alert(
  p_alert_id bigint,
  p_until    timestamptz,
  p_reason   text default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_alert jobs.alerts;
begin
  select a.* from jobs.alerts as a where a.alert_id = p_alert_id into v_alert;
  if not found then
    raise exception using
      errcode = 'JQ021',
      message = 'There is no such alert.',
      detail  = format('alert_id=%s', p_alert_id),
      hint    = 'select * from jobs.alerts_status;';
  end if;
  perform jobs._silence(v_alert.rule, v_alert.about, p_until, p_reason);
end;
$$;

comment on function jobs.silence_alert is
  'Do not tell of this alert, nor of the next one about the same thing, before p_until; null ends '
  'the silence. Raises JQ021.';
grant execute on function jobs.silence_alert to autom_operator;
