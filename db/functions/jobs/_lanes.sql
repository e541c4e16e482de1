create or replace function jobs._lanes(
  p_queue    text,
  p_priority integer,
  p_keys     text[],
  p_room     integer
)
returns table (
  key text, place bigint, running bigint, weight double precision, rate double precision,
  granted integer
)
language sql
stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
  select k.key, k.place, u.running, coalesce(l.weight, 1), l.rate,
         least(
           p_room,
           l.max_running - u.running,
           -- The cell rate algorithm: burst, less what is not yet paid for. Rounding may cost a
           -- millionth of a job, never one.
           floor(
             l.burst + 1e-6
             - coalesce(l.rate * greatest(0, extract(epoch from b.tat - jobs.clock())), 0)
           ) + case when l.rate is null then p_room else 0 end,
           -- One key alone needs no share, and no count of what there is.
           case when cardinality(p_keys) > 1 then w.waiting end
         )::integer
  from unnest(p_keys) with ordinality as k (key, place)
  left join lateral (
    select l.max_running, l.rate, l.burst, l.weight
    from jobs.limits as l
    where l.queue = p_queue and l.key in (k.key, '*') and k.key <> ''
    order by l.key = k.key desc
    limit 1
  ) as l on true
  left join jobs.buckets as b on b.queue = p_queue and b.key = k.key
  cross join lateral (
    select count(*) as running
    from jobs.running as r
    where r.queue = p_queue and r.key = k.key and r.key <> ''
  ) as u
  cross join lateral (
    select count(*) as waiting
    from (
      select
      from jobs.ready as r
      where cardinality(p_keys) > 1
        and r.queue = p_queue and r.priority = p_priority and r.key = k.key
      limit p_room
    ) as r
  ) as w;
$$;

comment on function jobs._lanes is
  'For each key: what runs of it, its weight and rate, and how many more of it may start now.';
