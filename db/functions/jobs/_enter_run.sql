create or replace function jobs._enter_run(p_run_id bigint)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select set_config('jobs.run_id', coalesce(p_run_id::text, ''), true);
$$;

comment on function jobs._enter_run is
  'From here to the end of the transaction, what is enqueued belongs to this run; null to none.';
