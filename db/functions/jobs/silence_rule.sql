create or replace function jobs.silence_rule(
  p_rule   text,
  p_until  timestamptz,
  p_reason text default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from jobs.alert_rules as r where r.rule = p_rule) then
    perform jobs._refuse_rule(p_rule);
  end if;
  perform jobs._silence(p_rule, '', p_until, p_reason);
end;
$$;

comment on function jobs.silence_rule is
  'Do not tell of anything that a rule finds before p_until; null ends the silence. Raises JQ020.';
grant execute on function jobs.silence_rule to autom_operator;
