create or replace function jobs._due_floor()
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return to_timestamp(coalesce(pg_sequence_last_value('jobs.due_floor'), 0) / 1000.0);
end;
$$;

comment on function jobs._due_floor is
  'No scheduled job is due at this time or before; scans begin behind it, as with jobs._floor.';
