create or replace function jobs.settle_alert(p_job_id bigint, p_payload jsonb, p_result jsonb)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  update jobs.alert_notices as n
  set ended_at = jobs.clock(), outcome = p_result ->> 'state', reason = p_result ->> 'reason'
  where n.job_id = p_job_id and n.ended_at is null;
  return null;
end;
$$;

comment on function jobs.settle_alert is
  'Settles jobs.send_slack and jobs.send_mail: what was told, or was not. Nothing is told twice.';
