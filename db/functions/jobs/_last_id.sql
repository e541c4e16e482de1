create or replace function jobs._last_id()
returns bigint
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select jobs._first_id_of(clock_timestamp())
         + coalesce(pg_sequence_last_value('jobs.numbers'), 0);
$$;

comment on function jobs._last_id is 'No place in line that was drawn so far is above this.';
