create or replace function jobs._claim_floor(p_queue text)
returns bigint
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(pg_sequence_last_value(to_regclass('jobs.claim_floor_' || p_queue)), 0);
end;
$$;

comment on function jobs._claim_floor is
  'No job of a queue that runs and is counted came with a claim below this; 0 while nothing
is known. Counts begin here, as scans do with jobs._floor.';
