create or replace function jobs._refuse_rule(p_rule text)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'JQ020',
    message = 'There is no such alert rule.',
    detail  = format('rule=%s', p_rule),
    hint    = 'select rule, description from jobs.alert_rules_status;';
end;
$$;

comment on function jobs._refuse_rule is 'Raises JQ020.';
