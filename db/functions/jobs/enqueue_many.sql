create or replace function jobs.enqueue_many(
  p_kind        text,
  p_payloads    jsonb[],
  p_keys        text[] default null,
  p_tenants     uuid[] default null,
  p_run_at      timestamptz default null,
  p_priority    integer default null,
  p_unique_keys text[] default null,
  p_unique_mode text default 'ignore'
)
returns bigint[]
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select jobs._enqueue(
    p_kind, p_payloads, p_keys, p_tenants, p_run_at, p_priority, p_unique_keys, p_unique_mode, null
  );
$$;

comment on function jobs.enqueue_many is
  'Put many jobs of one kind in line at once; returns their ids in the order of p_payloads, and the
holder''s id where a unique key is taken. The lists go side by side. See jobs.enqueue.
Raises JQ001, JQ002, JQ003, JQ004 (lists of different lengths).';
grant execute on function jobs.enqueue_many to autom_worker, autom_operator;
