create or replace function jobs._shares(
  p_queue    text,
  p_priority integer,
  p_keys     text[],
  p_room     integer,
  p_floor    bigint
)
returns table (key text, share integer, rate double precision)
language sql
stable
rows 64
as $$
  with held as materialized (
    select r.key, count(*) as running
    from jobs.running as r
    where r.queue = p_queue and r.key <> '' and r.claim_no >= jobs._claim_floor(p_queue)
    group by r.key
  ),
  lanes as materialized (
    select k.key, k.place, coalesce(u.running, 0) as running, coalesce(l.weight, 1) as weight,
           w.waiting, l.max_running, l.rate,
           -- The cell rate algorithm: the burst, less what is not yet paid for. Rounding may cost a
           -- millionth of a job, never one.
           floor(
             l.burst + 1e-6
             - coalesce(l.rate * greatest(0, extract(epoch from b.tat - jobs.clock())), 0)
           ) as tokens
    from unnest(p_keys) with ordinality as k (key, place)
    left join lateral (
      select l.max_running, l.rate, case when l.rate is not null then l.burst end as burst, l.weight
      from jobs.limits as l
      where l.queue = p_queue and l.key in (k.key, '*') and k.key <> ''
      order by l.key = k.key desc
      limit 1
    ) as l on true
    left join jobs.buckets as b on b.queue = p_queue and b.key = k.key
    left join held as u on u.key = k.key
    cross join lateral (
      select count(*) as waiting
      from (
        select
        from jobs.ready as r
        where r.queue = p_queue and r.priority = p_priority and r.key = k.key and r.seq >= p_floor
        limit p_room
      ) as r
    ) as w
  ),
  -- Each place that a key might get, the first of each key before the second of any; what already
  -- runs of it counts as had.
  places as (
    select l.key, l.place, l.rate
    from lanes as l
    cross join generate_series(1, least(l.waiting, l.max_running - l.running, l.tokens)::integer)
      as n
    order by (l.running + n) / l.weight, l.place
    limit p_room
  )
  select p.key, count(*)::integer, p.rate
  from places as p
  group by p.key, p.place, p.rate
  order by p.place;
$$;

comment on function jobs._shares is
  'How many jobs of each key may start now, and the rate they pay for: no more than wait, than its
limits allow, and than its share of p_room by weight; what one key leaves, the others get.';
