create or replace function jobs._server_started()
returns timestamptz
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select pg_postmaster_start_time();
$$;

comment on function jobs._server_started is 'When this server came up.';
