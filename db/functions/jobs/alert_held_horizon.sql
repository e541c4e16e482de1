create or replace function jobs.alert_held_horizon(p_bound double precision, p_span interval)
returns table (about text, said text, times bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select b.held_by,
    format('%s keeps vacuum from cleaning up since %s.', b.what, date_trunc('second', b.age)), 1
  from jobs.xmin_blockers as b
  where b.age > make_interval(secs => p_bound) + p_span
  order by b.age desc
  limit 1;
$$;

comment on function jobs.alert_held_horizon is
  'Rule: somebody has held the oldest snapshot for more than p_bound seconds and p_span; only the '
  'worst is told.';
