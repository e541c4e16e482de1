create or replace function jobs._floor(p_queue text)
returns bigint
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(pg_sequence_last_value(to_regclass('jobs.floor_' || p_queue)), 0) << 10;
$$;

comment on function jobs._floor is
  'The place in line below which a queue has no ready job; 0 while nothing is known. Scans begin
here, past the index entries of what was claimed: while some transaction holds the horizon, no
vacuum removes those.';
