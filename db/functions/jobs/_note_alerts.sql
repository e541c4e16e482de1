create or replace function jobs._note_alerts(p_rule jobs.alert_rules)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_seen integer;
begin
  execute format(
    'insert into jobs.alerts as a (rule, about, severity, said, times, first_seen, last_seen)
     select $1, f.about, $2, left(max(f.said), 500), sum(f.times), jobs.clock(), jobs.clock()
     from %I.%I($3, $4) as f
     group by f.about
     order by f.about
     limit 500
     on conflict (rule, about) where resolved_at is null do update
     set severity = excluded.severity, said = excluded.said, times = excluded.times,
         last_seen = excluded.last_seen',
    split_part(p_rule.function, '.', 1), split_part(p_rule.function, '.', 2)
  )
  using p_rule.rule, p_rule.severity, p_rule.bound, p_rule.span;
  get diagnostics v_seen = row_count;
  return v_seen;
end;
$$;

comment on function jobs._note_alerts is
  'Open an alert for each thing that a rule finds (500 at most), or renew the one that is open; '
  'returns how many.';
