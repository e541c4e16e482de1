create or replace function jobs._silence(
  p_rule   text,
  p_about  text,
  p_until  timestamptz,
  p_reason text
)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into jobs.alert_silences as s (rule, about, until, reason)
  values (p_rule, p_about, coalesce(p_until, jobs.clock()), p_reason)
  on conflict on constraint alert_silences_pkey do update
  set until = excluded.until, reason = excluded.reason, silenced_at = jobs.clock();
$$;

comment on function jobs._silence is
  'Set the time until which a rule, or one thing of it, is not told.';
