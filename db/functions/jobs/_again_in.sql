create or replace function jobs._again_in(p_queue text)
returns double precision
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
  v_floor bigint;
begin
  if not exists (select from jobs.buckets as b where b.queue = p_queue)
    and not exists (select from jobs.rests as r where r.queue = p_queue)
  then
    return null;
  end if;
  v_floor := jobs._floor(p_queue);
  return (
    with keys as materialized (
      select distinct k
      from generate_series(0, 3) as p
      cross join lateral jobs._keys_from(p_queue, p, v_floor, 500) as k
    ),
    rates as (
      select k.k as key, l.rate, l.burst
      from keys as k
      left join lateral (
        select l.rate, l.burst from jobs.limits as l
        where l.queue = p_queue and l.key in (k.k, '*') and k.k <> ''
        order by l.key = k.k desc
        limit 1
      ) as l on true
      union all
      -- The whole queue's, if anything waits at all.
      select '', q.rate, q.burst
      from jobs.queues as q
      where q.queue = p_queue and exists (select from keys)
    )
    select greatest(0.001, extract(epoch from min(t.at) - jobs.clock()))
    from rates as r
    left join jobs.rests as s on s.queue = p_queue and s.key = r.key
    left join lateral (
      select b.at + make_interval(secs => (b.owed - (r.burst - 1)) / r.rate) as earned_at
      from jobs.buckets as b
      where b.queue = p_queue and b.key = r.key
      order by b.claim_no desc
      limit 1
    ) as b on true
    cross join lateral (values (s.until), (b.earned_at)) as t (at)
    where t.at > jobs.clock()
    having count(*) > 0
  );
end;
$$;

comment on function jobs._again_in is
  'In how many seconds a claim that found less than it wanted may find more: when the first of the
keys in line has a call of its rate again, or is over its Retry-After; null if no such thing holds
up any.';
