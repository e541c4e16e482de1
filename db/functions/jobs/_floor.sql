create or replace function jobs._floor(p_queue text)
returns bigint
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Kept as the thousand that a place is in (seq >> 10), as ready_floor_idx is.
  -- Not in SQL: that would be planned anew in each transaction, which takes longer than to look.
  return coalesce(pg_sequence_last_value(to_regclass('jobs.floor_' || p_queue)), 0) << 10;
end;
$$;

comment on function jobs._floor is
  'The place in line below which a queue has no ready job; 0 while nothing is known. Scans begin
here, past the index entries of what was claimed: while some transaction holds the horizon, no
vacuum removes those.';
