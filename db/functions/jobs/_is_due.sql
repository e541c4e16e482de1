create or replace function jobs._is_due(p_chore text)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select not exists (
    select from jobs.chores as c
    where c.chore = p_chore and c.last_at > jobs.clock() - c.every and c.last_at <= jobs.clock()
  );
$$;

comment on function jobs._is_due is
  'A part of jobs.tick has its turn: it has no row in jobs.chores that says how often, or that '
  'time is over.';
