create or replace function jobs.enqueue_staged(
  p_load_id      text,
  p_kind         text,
  p_run_at       timestamptz default null,
  p_priority     integer default null,
  p_unique_mode  text default 'ignore',
  p_unique_for   interval default null,
  p_unique_until text default 'finished',
  p_max_wait     interval default null,
  p_after        bigint[] default null,
  p_policy       text default 'on_success',
  p_batch_id     bigint default null,
  p_timeout      interval default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_enqueued bigint := 0;
  v_some     record;
begin
  loop
    -- Ten thousand at a time: as arrays they pass through memory.
    with taken as (
      delete from jobs.staging as s
      where s.load_id = p_load_id
        and s.line <= (
          select max(l.line)
          from (
            select l.line from jobs.staging as l
            where l.load_id = p_load_id order by l.line limit 10000
          ) as l
        )
      returning s.*
    )
    select count(*) as lines, array_agg(t.payload order by t.line) as payloads,
           array_agg(t.key order by t.line) as keys, array_agg(t.tenant order by t.line) as tenants,
           array_agg(t.unique_key order by t.line) as unique_keys
    from taken as t
    into v_some;
    exit when v_some.lines = 0;
    perform jobs._enqueue(
      p_kind, v_some.payloads, v_some.keys, v_some.tenants, p_run_at, p_priority,
      v_some.unique_keys, p_unique_mode, p_unique_for, p_unique_until, p_max_wait,
      p_after, p_policy, p_batch_id, p_timeout
    );
    v_enqueued := v_enqueued + v_some.lines;
  end loop;
  return v_enqueued;
end;
$$;

comment on function jobs.enqueue_staged is
  'Put the jobs in line that were copied to jobs.staging under p_load_id, as jobs.enqueue_many does;
returns how many lines there were. Copy and call in one transaction, and a crash leaves
all or nothing:
\copy jobs.staging (load_id, payload, key, tenant, unique_key) from ''jobs.csv'' csv
Raises JQ001, JQ002, JQ003, JQ030, JQ031, JQ034.';
grant execute on function jobs.enqueue_staged to autom_worker, autom_operator;
