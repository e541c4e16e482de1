create or replace function jobs._claim_band(
  p_worker_id integer,
  p_queue     text,
  p_priority  integer,
  p_room      integer,
  p_after_key text,
  p_floor     bigint
)
returns table (
  job_id bigint, run_no integer, kind text, key text, payload jsonb, failures smallint,
  timeout interval
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys   text[] := jobs._whose_turn(p_queue, p_priority, p_floor, p_after_key);
  v_shares integer[];
  v_rates  double precision[];
  v_open   integer;
  v_claim  bigint;
begin
  if v_keys = array[''] then
    -- Jobs without a key have no limits, and nobody to share with.
    v_shares := array[p_room];
  else
    v_keys := jobs._open_keys(p_queue, v_keys);
    -- A new statement, so what it counts includes all that the last holder of a lock committed.
    v_open := cardinality(v_keys);
    select array_agg(s.key), array_agg(s.share), array_agg(s.rate)
    from jobs._shares(p_queue, p_priority, v_keys, p_room, p_floor) as s
    into v_keys, v_shares, v_rates;
    -- With room left for others, who got no share was denied one by a limit.
    if v_open > coalesce(cardinality(v_keys), 0)
      and p_room > (select coalesce(sum(s), 0) from unnest(v_shares) as s)
    then
      perform jobs._count('jobs.denied_keys', v_open - coalesce(cardinality(v_keys), 0));
    end if;
  end if;

  if v_keys is null then
    return;
  end if;
  -- First a number for the transaction, then one for the claim, as in jobs._new_ids.
  perform pg_current_xact_id();
  v_claim := nextval('jobs.claims');
  return query
  with heads as materialized (
    select h.*, s.rate, j.payload, j.timeout
    from unnest(v_keys, v_shares, v_rates) as s (key, share, rate)
    cross join lateral (
      select r.ctid as address, r.*
      from jobs.ready as r
      where r.queue = p_queue and r.priority = p_priority and r.key = s.key
        and r.seq >= p_floor
      order by r.seq
      limit s.share
      -- Others claim at the same time: each sees what the others left.
      for update skip locked
    ) as h
    -- One by one, for then each looks into its own day only.
    cross join lateral (
      select j.payload, j.timeout from jobs.jobs as j where j.job_id = h.job_id offset 0
    ) as j
  ),
  taken as (
    -- They are locked and never updated, so their address holds.
    delete from jobs.ready as r where r.ctid = any (array(select h.address from heads as h))
  ),
  paid as (
    insert into jobs.buckets as b (queue, key, tat)
    select p_queue, h.key, jobs.clock() + make_interval(secs => count(*) / h.rate)
    from heads as h
    where h.rate is not null
    group by h.key, h.rate
    on conflict on constraint buckets_pkey do update
    set tat = greatest(b.tat, jobs.clock()) + (excluded.tat - jobs.clock())
  ),
  begun as (
    insert into jobs.running (
      job_id, run_id, started_at, deadline, claim_no, worker_id, run_no, failures, priority,
      is_unique, settles, queue, kind, key
    )
    select h.job_id, h.run_id, jobs.clock(), jobs.clock() + coalesce(h.timeout, k.timeout), v_claim,
           p_worker_id, h.run_no + 1, h.failures, h.priority, h.is_unique, k.settle is not null,
           h.queue, h.kind, h.key
    from heads as h
    join jobs.kinds as k on k.kind = h.kind
  )
  select h.job_id, h.run_no + 1, h.kind, h.key, h.payload, h.failures, h.timeout
  from heads as h;
end;
$$;

comment on function jobs._claim_band is
  'Claim up to p_room ready jobs of one priority, fairly across keys.';
