create or replace function jobs._claim_band(
  p_worker_id integer,
  p_queue     text,
  p_priority  integer,
  p_room      integer,
  p_after_key text
)
returns bigint[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
declare
  v_keys text[];
  v_ids  bigint[];
begin
  -- 1. Whose turn it is: 64 keys, from where the caller stopped, then around from the beginning.
  v_keys := array(select k from jobs._keys_in_line(p_queue, p_priority, p_after_key, null, 64) as k);
  if p_after_key is not null and cardinality(v_keys) < 64 then
    v_keys := v_keys || array(
      select k from jobs._keys_in_line(p_queue, p_priority, null, p_after_key, 64) as k
    );
  end if;
  if v_keys = '{}' then
    return v_keys::bigint[];
  end if;

  -- 2. Which of them are open. This takes the locks of keys that have limits.
  v_keys := jobs._open_keys(p_queue, v_keys);

  -- 3. A new statement, so what it counts includes all that the last holder of a lock committed.
  with lanes as materialized (
    select l.key, l.place, l.running, l.weight, l.rate, least(l.granted, p_room) as granted
    from jobs._lanes(p_queue, p_priority, v_keys, p_room) as l
  ),
  shares as materialized (
    select f.key, count(*) as share
    from (
      select l.key
      from lanes as l
      cross join generate_series(1, l.granted) as n
      order by (l.running + n) / l.weight, l.place
      limit p_room
    ) as f
    group by f.key
  ),
  heads as materialized (
    select h.*
    from shares as s
    cross join lateral (
      select r.ctid as place, r.*
      from jobs.ready as r
      where r.queue = p_queue and r.priority = p_priority and r.key = s.key
      order by r.seq
      limit s.share
      -- Others claim at the same time: each sees what the others left.
      for update skip locked
    ) as h
  ),
  taken as (
    -- They are locked and never updated, so their address holds.
    delete from jobs.ready as r where r.ctid = any (array(select h.place from heads as h))
  ),
  paid as (
    insert into jobs.buckets as b (queue, key, tat)
    select p_queue, h.key, jobs.clock() + make_interval(secs => count(*) / l.rate)
    from heads as h
    join lanes as l on l.key = h.key and l.rate is not null
    group by h.key, l.rate
    on conflict (queue, key) do update
    set tat = greatest(b.tat, jobs.clock()) + (excluded.tat - jobs.clock())
  ),
  begun as (
    insert into jobs.running (
      job_id, run_id, started_at, deadline, worker_id, run_no, failures, priority, is_unique,
      settles, queue, kind, key
    )
    select h.job_id, h.run_id, jobs.clock(), jobs.clock() + k.timeout, p_worker_id, h.run_no + 1,
           h.failures, h.priority, h.is_unique, k.settle is not null, h.queue, h.kind, h.key
    from heads as h
    join jobs.kinds as k on k.kind = h.kind
    returning running.job_id
  )
  select coalesce(array_agg(b.job_id), '{}') from begun as b into v_ids;
  return v_ids;
end;
$$;

comment on function jobs._claim_band is
  'Claim up to p_room ready jobs of one priority, fairly across keys; returns their ids.';
