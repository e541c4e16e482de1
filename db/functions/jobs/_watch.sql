create or replace function jobs._watch()
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule  jobs.alert_rules;
  v_found integer := 0;
  v_error text;
begin
  for v_rule in
    select r.* from jobs.alert_rules as r where r.enabled order by r.rule
  loop
    v_error := null;
    -- The function may be another room's. If it fails, its alerts stay as they are: not to know is
    -- not to know that it is over.
    begin
      v_found := v_found + jobs._note_alerts(v_rule);
    exception
      when others then
        v_error := format('%s (%s)', sqlerrm, sqlstate);
    end;
    update jobs.alert_rules as r set error = v_error
    where r.rule = v_rule.rule and r.error is distinct from v_error;
  end loop;

  update jobs.alerts as a
  set resolved_at = jobs.clock()
  from jobs.alert_rules as r
  where r.rule = a.rule and a.resolved_at is null
    and (not r.enabled or r.error is null and a.last_seen <= jobs.clock() - r.clear_after)
    and a.last_seen < jobs.clock();
  perform jobs._note_news();
  return v_found;
end;
$$;

comment on function jobs._watch is
  'Ask every rule what is wrong now: open alerts, keep them up to date, end them, and have channels
told. Returns how many alerts are seen now.';
