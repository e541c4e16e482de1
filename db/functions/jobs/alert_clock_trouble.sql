create or replace function jobs.alert_clock_trouble(p_bound double precision, p_span interval)
returns table (about text, said text, times bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select c.chore, format('Part %s of jobs.tick failed: %s', c.chore, left(c.error, 300)), 1
  from jobs.chores as c
  where c.error is not null
  union all
  select 'rule ' || r.rule, format('The alert rule %s failed: %s', r.rule, left(r.error, 300)), 1
  from jobs.alert_rules as r
  where r.enabled and r.error is not null;
$$;

comment on function jobs.alert_clock_trouble is
  'Rule: something that jobs.tick does, or an alert rule, failed the last time.';
