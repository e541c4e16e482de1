create or replace function jobs._claim_band(
  p_worker_id integer,
  p_queue     text,
  p_priority  integer,
  p_room      integer,
  p_after_key text,
  p_floor     bigint,
  p_counted   boolean
)
returns table (
  job_id bigint, run_no integer, kind text, key text, payload jsonb, failures smallint,
  timeout interval, priority smallint
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys    text[];
  v_shares  integer[];
  v_owed    double precision[];
  v_buckets bigint[];
  v_claim   bigint;
begin
  select a.keys, a.shares, a.owed, a.buckets
  from jobs._allot(p_queue, p_priority, p_room, p_after_key, p_floor) as a
  into v_keys, v_shares, v_owed, v_buckets;
  if v_keys is null then
    return;
  end if;

  -- First a number for the transaction, then one for the claim, as in jobs._new_ids.
  perform pg_current_xact_id();
  v_claim := nextval('jobs.claims');
  return query
  with heads as materialized (
    select h.*, s.owed, s.bucket
    from unnest(v_keys, v_shares, v_owed, v_buckets) as s (key, share, owed, bucket)
    cross join lateral (
      select r.ctid as address, r.*, j.payload, j.timeout, k.timeout as usual, k.settle
      from jobs.ready as r
      -- A kind may be gone while jobs of it wait: they wait until it is back.
      join jobs.kinds as k on k.kind = r.kind
      -- One by one, for then each looks into its own day only.
      cross join lateral (
        select j.payload, j.timeout from jobs.jobs as j where j.job_id = r.job_id offset 0
      ) as j
      where r.queue = p_queue and r.priority = p_priority and r.key = s.key
        and r.seq >= p_floor
      order by r.seq
      limit s.share
      -- Others claim at the same time: each sees what the others left.
      for update of r skip locked
    ) as h
  ),
  taken as (
    -- They are locked and never updated, so their address holds.
    delete from jobs.ready as r where r.ctid = any (array(select h.address from heads as h))
  ),
  paid as (
    insert into jobs.buckets (queue, key, claim_no, owed, at)
    select p_queue, h.key, v_claim, h.owed + count(*), jobs.clock()
    from heads as h
    where h.owed is not null
    group by h.key, h.owed
  ),
  settled as (
    -- One by one, for a join would read the buckets of all keys.
    delete from jobs.buckets as b
    where b.ctid = any (array(
      select o.address
      from (select distinct h.key, h.bucket from heads as h) as h
      cross join lateral (
        select o.ctid as address from jobs.buckets as o
        where o.queue = p_queue and o.key = h.key and o.claim_no = h.bucket
        offset 0
      ) as o
    ))
  ),
  begun as (
    insert into jobs.running (
      job_id, run_id, started_at, deadline, claim_no, worker_id, run_no, failures, priority,
      is_unique, settles, counted, queue, kind, key
    )
    select h.job_id, h.run_id, jobs.clock(), jobs.clock() + coalesce(h.timeout, h.usual), v_claim,
           p_worker_id, h.run_no + 1, h.failures, h.priority, h.is_unique, h.settle is not null,
           p_counted or h.key <> '', h.queue, h.kind, h.key
    from heads as h
  )
  select h.job_id, h.run_no + 1, h.kind, h.key, h.payload, h.failures, h.timeout, h.priority
  from heads as h;
end;
$$;

comment on function jobs._claim_band is
  'Claim up to p_room ready jobs of one priority, fairly across keys.
p_counted: their queue has a bound, so jobs without a key are counted too.';
