create or replace function jobs._first_id_of(p_at timestamptz)
returns bigint
language sql
immutable strict parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select (
    (extract(year from t.utc) - 2000) * 10000 + extract(month from t.utc) * 100
      + extract(day from t.utc)
  )::bigint * 1000000000
  from (select p_at at time zone 'UTC') as t (utc);
$$;

comment on function jobs._first_id_of is
  'Where the job ids of a day (UTC) begin: its date and nine zeros. Below 2^53, so JSON keeps it.';
