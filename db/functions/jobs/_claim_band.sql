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
  v_dice    bigint := random() * 1e15;
  v_keys    text[];
  v_shares  integer[];
  v_owed    double precision[];
  v_buckets bigint[];
  v_more    boolean;
  v_among   integer;
  v_denied  integer;
  v_given   integer;
  v_claim   bigint;
begin
  -- Among many more, where those whose turn it is cannot fill the room: limits hold them up.
  foreach v_among in array array[64, 2048] loop
    select w.keys, w.more
    from jobs._whose_turn(p_queue, p_priority, p_floor, p_after_key, v_among) as w
    into v_keys, v_more;
    if v_keys = array[''] then
      -- Jobs without a key have no limits, and nobody to share with.
      v_shares := array[p_room];
      exit;
    end if;
    select o.keys, o.denied from jobs._open_keys(p_queue, v_keys) as o into v_keys, v_denied;
    v_denied := v_denied + cardinality(v_keys);
    -- A new statement, so what it counts includes all that the last holder of a lock committed.
    select array_agg(s.key), array_agg(s.share), array_agg(s.owed), array_agg(s.bucket),
           coalesce(sum(s.share), 0)
    from jobs._shares(p_queue, p_priority, v_keys, p_room, p_floor, v_dice) as s
    into v_keys, v_shares, v_owed, v_buckets, v_given;
    v_denied := v_denied - coalesce(cardinality(v_keys), 0);
    exit when v_given >= p_room or not v_more;
  end loop;
  -- With room left for others, who got no share was denied one by a limit.
  if p_room > v_given and v_denied > 0 then
    perform jobs._count('jobs.denied_keys', v_denied);
  end if;
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
