create or replace function jobs._shares(
  p_queue    text,
  p_priority integer,
  p_keys     text[],
  p_room     integer,
  p_floor    bigint,
  p_dice     bigint
)
returns table (key text, share integer, owed double precision, bucket bigint)
language sql
stable
rows 64
as $$
  with held as materialized (
    select r.key, count(*) as running
    from jobs.running as r
    where r.queue = p_queue and r.counted and r.claim_no >= jobs._claim_floor(p_queue)
    group by r.key
  ),
  rules as materialized (
    select k.key, k.place, l.max_running, l.rate, case when l.rate is not null then l.burst end
             as burst,
           coalesce(l.weight, 1) / min(coalesce(l.weight, 1)) over () as weight,
           min(coalesce(l.weight, 1)) over () < max(coalesce(l.weight, 1)) over () as uneven
    from unnest(p_keys) with ordinality as k (key, place)
    left join lateral (
      select l.* from jobs.limits as l
      where l.queue = p_queue and l.key in (k.key, '*') and k.key <> ''
      order by l.key = k.key desc
      limit 1
    ) as l on true
  ),
  lanes as materialized (
    select r.*, coalesce(u.running, 0) as running, w.waiting, b.claim_no as bucket,
           case when r.rate is not null then greatest(0, coalesce(b.owed, 0)) end as owed,
           ((hashtextextended(r.key, p_dice) & 65535) + 1) / 65537.0 as luck
    from rules as r
    left join held as u on u.key = r.key
    left join lateral (
      select b.claim_no, b.owed - r.rate * extract(epoch from jobs.clock() - b.at) as owed
      from jobs.buckets as b
      where b.queue = p_queue and b.key = r.key and r.rate is not null
      order by b.claim_no desc
      limit 1
    ) as b on true
    cross join lateral (
      select count(*) as waiting
      from (
        select
        from jobs.ready as w
        where w.queue = p_queue and w.priority = p_priority and w.key = r.key and w.seq >= p_floor
        limit least(ceil(p_room * r.weight), p_room + 1000)
      ) as w
    ) as w
  ),
  -- Each place that a key might get, the first of each key before the second of any; what already
  -- runs of it counts as had. A key of twice the weight has two places where others have one, and
  -- one of half a place more has it every other time. Whose turn it is among those goes by the keys
  -- where all weigh the same, and else by chance, for the last in turn would leave the heavy ones
  -- their second place and their neighbours the first.
  places as (
    select l.key, l.place, l.owed, l.bucket
    from lanes as l
    cross join generate_series(
      -- Rounding may cost a millionth of a job, never one.
      1, least(l.waiting, l.max_running - l.running, floor(l.burst + 1e-6 - l.owed))::integer
    ) as n
    order by floor((l.running + n - l.luck) / l.weight),
             case when l.uneven then hashtextextended(l.key, p_dice + n) end,
             l.place, n
    limit p_room
  )
  select p.key, count(*)::integer, p.owed, p.bucket
  from places as p
  group by p.key, p.place, p.owed, p.bucket
  order by p.place;
$$;

comment on function jobs._shares is
  'How many jobs of each key may start now: no more than wait, than its limits allow, and than its
share of p_room by weight; what one key leaves, the others get.
p_dice: any number, another each time. owed: jobs that its rate let through and has not yet earned,
null where it has none; bucket: where that is written.';
