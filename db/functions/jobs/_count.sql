create or replace function jobs._count(p_figure regclass, p_times bigint default 1)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select count(nextval(p_figure)) from generate_series(1, p_times);
$$;

comment on function jobs._count is
  'Add to a figure of jobs.metrics that only grows. It is a sequence: what is rolled back counts.';
