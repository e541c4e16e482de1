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
  p_batch_id    bigint,
  p_timeout     interval
)
returns bigint[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
-- The plans are simple and always the same: to make them costs more than to run them.
set plan_cache_mode = force_generic_plan
as $$
declare
  v_queue       text;
  v_priority    integer;
  v_run_id      bigint := coalesce(
    p_batch_id, nullif(current_setting('jobs.run_id', true), '')::bigint
  );
  v_ids         bigint[] := jobs._new_ids(cardinality(p_payloads));
  v_answer      bigint[] := v_ids;
  v_run_ats     timestamptz[];
  v_now         timestamptz;
  v_payloads    jsonb[] := p_payloads;
  v_keys        text[] := p_keys;
  v_tenants     uuid[] := p_tenants;
  v_unique_keys text[] := case
    when array_length(array_remove(p_unique_keys, null), 1) > 0 then p_unique_keys
  end;
begin
  select k.queue, coalesce(p_priority, k.priority) from jobs.kinds as k where k.kind = p_kind
  into v_queue, v_priority;
  if not found then
    perform jobs._refuse_kind(p_kind);
  end if;
  if v_priority not between 0 and 3 then
    raise exception using
      errcode = 'JQ034',
      message = 'There are four priorities, and no claim looks for another.',
      detail  = format('priority=%s', v_priority),
      hint    = '0 urgent, 1 high, 2 normal, 3 idle; null is as the kind says.';
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
    perform jobs._lock_batch(p_batch_id, false);
  end if;

  if v_unique_keys is not null then
    select u.job_ids, u.run_ats
    from jobs._settle_unique_keys(
      p_kind, v_ids, p_unique_keys, p_unique_mode, p_unique_for, p_unique_until, p_max_wait,
      p_payloads, p_run_at, v_priority
    ) as u
    into v_answer, v_run_ats;
    -- From here on only the jobs that do their work themselves.
    select array_agg(n.job_id), array_agg(n.payload), array_agg(n.key), array_agg(n.tenant),
           array_agg(n.unique_key), array_agg(coalesce(n.run_at, p_run_at))
    from unnest(v_ids, v_answer, p_payloads, p_keys, p_tenants, p_unique_keys, v_run_ats)
      as n (job_id, holder, payload, key, tenant, unique_key, run_at)
    where n.job_id = n.holder
    into v_ids, v_payloads, v_keys, v_tenants, v_unique_keys, v_run_ats;
    if v_ids is null then
      return v_answer;
    end if;
  end if;

  insert into jobs.jobs (
    job_id, run_id, tenant, priority, kind, queue, key, unique_key, timeout, payload
  )
  select n.job_id, v_run_id, n.tenant, v_priority, p_kind, v_queue, coalesce(n.key, ''),
         n.unique_key, p_timeout, coalesce(n.payload, '{}')
  from unnest(v_ids, v_payloads, v_keys, v_tenants, v_unique_keys)
    as n (job_id, payload, key, tenant, unique_key);

  if cardinality(p_after) > 0 then
    insert into jobs.parked (
      job_id, run_id, parked_at, run_at, run_no, failures, priority, is_unique, queue, kind,
      key, why
    )
    select n.job_id, v_run_id, jobs.clock(), coalesce(n.run_at, p_run_at), 0, 0, v_priority,
           n.unique_key is not null, v_queue, p_kind, coalesce(n.key, ''),
           format('Waits for %s %s.', cardinality(p_after),
                  case cardinality(p_after) when 1 then 'job' else 'jobs' end)
    from unnest(v_ids, v_keys, v_unique_keys, v_run_ats) as n (job_id, key, unique_key, run_at);
    perform jobs._wait_for(v_ids, p_after, p_policy);
    return v_answer;
  end if;

  -- Only now, after this transaction has drawn its number: see jobs._raise_floors.
  v_now := jobs._now();
  if v_run_ats is not null or p_run_at > v_now then
    insert into jobs.scheduled (
      job_id, run_id, run_at, run_no, failures, priority, is_unique, queue, kind, key
    )
    select n.job_id, v_run_id, coalesce(n.run_at, p_run_at), 0, 0, v_priority,
           n.unique_key is not null, v_queue, p_kind, coalesce(n.key, '')
    from unnest(v_ids, v_keys, v_unique_keys, v_run_ats) as n (job_id, key, unique_key, run_at)
    where coalesce(n.run_at, p_run_at) > v_now;
  end if;
  if v_run_ats is not null or coalesce(p_run_at, '-infinity') <= v_now then
    insert into jobs.ready (
      seq, job_id, run_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
    )
    select n.job_id, n.job_id, v_run_id, jobs.clock(), 0, 0, v_priority,
           n.unique_key is not null, v_queue, p_kind, coalesce(n.key, '')
    from unnest(v_ids, v_keys, v_unique_keys, v_run_ats) as n (job_id, key, unique_key, run_at)
    where coalesce(n.run_at, p_run_at, '-infinity') <= v_now;
    if found then
      perform jobs._wake(v_queue);
    end if;
  end if;
  return v_answer;
end;
$$;

comment on function jobs._enqueue is
  'What jobs.enqueue, jobs.enqueue_many and jobs.enqueue_staged have in common.';
