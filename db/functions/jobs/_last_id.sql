create or replace function jobs._last_id()
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Not in SQL, as with jobs._floor.
  return jobs._first_id_of(clock_timestamp())
         + coalesce(pg_sequence_last_value('jobs.numbers'), 0);
end;
$$;

comment on function jobs._last_id is 'No place in line that was drawn so far is above this.';
