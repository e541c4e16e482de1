create or replace function jobs._somewhere(p_floor bigint)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_last bigint := jobs._last_id();
begin
  return v_last - floor(greatest(v_last - p_floor, 1) ^ random())::bigint;
end;
$$;

comment on function jobs._somewhere is
  'A place in line above the floor, by chance: as likely among the last ten as among the ten times
as many before them, and so on.';
