create or replace function jobs.enqueue_many(
  p_kind         text,
  p_payloads     jsonb[],
  p_keys         text[] default null,
  p_tenants      uuid[] default null,
  p_run_at       timestamptz default null,
  p_priority     integer default null,
  p_unique_keys  text[] default null,
  p_unique_mode  text default 'ignore',
  p_unique_for   interval default null,
  p_unique_until text default 'finished',
  p_max_wait     interval default null,
  p_after        bigint[] default null,
  p_policy       text default 'on_success',
  p_batch_id     bigint default null,
  p_timeout      interval default null
)
returns bigint[]
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select jobs._enqueue(
    p_kind, p_payloads, p_keys, p_tenants, p_run_at, p_priority, p_unique_keys, p_unique_mode,
    p_unique_for, p_unique_until, p_max_wait, p_after,
    p_policy, p_batch_id, p_timeout
  );
$$;

comment on function jobs.enqueue_many is
  'Put many jobs of one kind in line at once; returns their ids in the order of p_payloads, and the
id of the job that does the work instead where a unique key is taken. The lists go side by side; of
two with the same unique key one is enqueued, the first, or with a mode that replaces the last. See
jobs.enqueue. Raises JQ001, JQ002, JQ003, JQ004 (lists of different lengths), JQ030, JQ031, JQ034.';
grant execute on function jobs.enqueue_many to autom_worker, autom_operator;
