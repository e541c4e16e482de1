create or replace function jobs._enqueue(
  p_kind        text,
  p_payloads    jsonb[],
  p_keys        text[],
  p_tenants     uuid[],
  p_run_at      timestamptz,
  p_priority    integer,
  p_unique_keys text[],
  p_unique_mode text,
  p_unique_for  interval,
  p_unique_until text,
  p_max_wait    interval,
  p_after       bigint[],
  p_policy      text,
  p_batch_id    bigint
)
returns bigint[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_queue    text;
  v_priority integer;
  v_new      bigint[] := jobs._new_ids(cardinality(p_payloads));
  v_ids      bigint[] := v_new;
  v_run_ats  timestamptz[];
  v_waits    boolean := coalesce(cardinality(p_after) > 0, false);
begin
  select k.queue, coalesce(p_priority, k.priority) from jobs.kinds as k where k.kind = p_kind
  into v_queue, v_priority;
  if not found then
    perform jobs._refuse_kind(p_kind);
  end if;
  if cardinality(p_keys) <> cardinality(p_payloads)
    or cardinality(p_tenants) <> cardinality(p_payloads)
    or cardinality(p_unique_keys) <> cardinality(p_payloads)
  then
    raise exception using
      errcode = 'JQ004',
      message = 'Every list must be as long as the list of payloads.',
      detail  = format('payloads=%s keys=%s tenants=%s unique_keys=%s', cardinality(p_payloads),
                       cardinality(p_keys), cardinality(p_tenants), cardinality(p_unique_keys));
  end if;

  if p_batch_id is not null then
    perform jobs._lock_batch(p_batch_id);
  end if;

  if array_length(array_remove(p_unique_keys, null), 1) > 0 then
    select u.job_ids, u.run_ats
    from jobs._settle_unique_keys(
      p_kind, v_new, p_unique_keys, p_unique_mode, p_unique_for, p_unique_until, p_max_wait,
      p_payloads, p_run_at, v_priority
    ) as u
    into v_ids, v_run_ats;
  end if;

  with written as (
    insert into jobs.jobs (
      job_id, run_id, tenant, priority, kind, queue, key, unique_key, payload
    )
    select n.job_id,
           coalesce(p_batch_id, nullif(current_setting('jobs.run_id', true), '')::bigint),
           n.tenant, v_priority, p_kind, v_queue, coalesce(n.key, ''), n.unique_key,
           coalesce(n.payload, '{}')
    from unnest(v_new, v_ids, p_payloads, p_keys, p_tenants, p_unique_keys)
      as n (job_id, holder, payload, key, tenant, unique_key)
    where n.job_id = n.holder
    returning jobs.job_id, jobs.run_id, jobs.key, jobs.unique_key
  ),
  placed as (
    select w.job_id, w.run_id, w.key, w.unique_key is not null as is_unique,
           case when v_run_ats is null then p_run_at
                else coalesce(v_run_ats[array_position(v_new, w.job_id)], p_run_at) end as run_at
    from written as w
  ),
  later as (
    insert into jobs.scheduled (
      job_id, run_id, run_at, run_no, failures, priority, is_unique, queue, kind, key
    )
    select p.job_id, p.run_id, p.run_at, 0, 0, v_priority, p.is_unique, v_queue, p_kind, p.key
    from placed as p
    where p.run_at > jobs.clock() and not v_waits
  ),
  waiting as (
    insert into jobs.parked (
      job_id, run_id, parked_at, run_at, run_no, failures, priority, is_unique, queue, kind,
      key, why
    )
    select p.job_id, p.run_id, jobs.clock(), p.run_at, 0, 0, v_priority, p.is_unique, v_queue,
           p_kind, p.key, format('Waits for %s jobs.', cardinality(p_after))
    from placed as p
    where v_waits
  )
  insert into jobs.ready (
    seq, job_id, run_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
  )
  select p.job_id, p.job_id, p.run_id, jobs.clock(), 0, 0, v_priority, p.is_unique, v_queue, p_kind,
         p.key
  from placed as p
  where (p.run_at is null or p.run_at <= jobs.clock()) and not v_waits;

  if found then
    perform jobs._wake(v_queue);
  end if;
  if v_waits then
    perform jobs._wait_for(v_new, p_after, p_policy);
  end if;
  return v_ids;
end;
$$;

comment on function jobs._enqueue is
  'What jobs.enqueue, jobs.enqueue_many and jobs.enqueue_staged have in common.';
