create or replace function jobs._new_ids(p_count integer)
returns bigint[]
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  -- The real time, not jobs.clock(): a transaction that began before midnight and is still at it
  -- must not draw numbers below those that others drew since.
  select array_agg(d.first_id + nextval('jobs.numbers'))
  from (select jobs._first_id_of(clock_timestamp()) as first_id) as d,
       generate_series(1, p_count);
$$;

comment on function jobs._new_ids is
  'Draw job ids, or places in line: date and number, so they grow and fall into daily partitions.';
