create or replace function jobs.enqueue(
  p_kind        text,
  p_payload     jsonb default '{}',
  p_key         text default null,
  p_tenant      uuid default null,
  p_run_at      timestamptz default null,
  p_priority    integer default null,
  p_unique_key  text default null,
  p_unique_mode text default 'ignore',
  p_unique_for  interval default null
)
returns bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select (jobs._enqueue(
    p_kind, array[p_payload], array[p_key], array[p_tenant], p_run_at, p_priority,
    array[p_unique_key], p_unique_mode, p_unique_for
  ))[1];
$$;

comment on function jobs.enqueue is
  'Put one job in line, in the caller''s transaction; returns its id.
p_key: what limits and fairness count by. p_priority: 0 urgent to 3 idle, null as the kind says.
p_run_at: not before. p_unique_key: at most one unfinished job of the kind holds it; if another does,
p_unique_mode ignore returns that one, reject raises JQ001, replace gives it the new payload and time
while it waits, or follows it while it runs. p_unique_for: the key stays taken that long, at least.
Raises JQ001, JQ002 (unknown kind), JQ003 (unknown mode).';
grant execute on function jobs.enqueue to autom_worker, autom_operator;
