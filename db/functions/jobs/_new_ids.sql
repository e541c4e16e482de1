create or replace function jobs._new_ids(p_count integer)
returns bigint[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  -- The real time, not jobs.clock(): a transaction that began before midnight and is still at it
  -- must not draw numbers below those that others drew since.
  v_first bigint := jobs._first_id_of(clock_timestamp());
begin
  -- First a number for the transaction, then places: who is under way then tells which places may
  -- still come (jobs._raise_floors).
  perform pg_current_xact_id();
  if p_count = 1 then
    return array[v_first + nextval('jobs.numbers')];
  end if;
  return array(select v_first + nextval('jobs.numbers') from generate_series(1, p_count));
end;
$$;

comment on function jobs._new_ids is
  'Draw job ids, or places in line: date and number, so they grow and fall into daily partitions.';
