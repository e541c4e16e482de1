create or replace function jobs._open_keys(
  p_queue text,
  p_keys  text[],
  out keys text[],
  out denied integer
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  with held as materialized (
    select r.key, count(*) as running
    from jobs.running as r
    where r.queue = p_queue and r.counted and r.claim_no >= jobs._claim_floor(p_queue)
      and exists (
        select from jobs.limits as l where l.queue = p_queue and l.max_running is not null
      )
    group by r.key
  ),
  -- Those that nothing rests, and whether they were at their limit a moment ago.
  awake as materialized (
    select k.key, k.place, l.limited, l.max_running <= coalesce(h.running, 0) as is_full
    from unnest(p_keys) with ordinality as k (key, place)
    left join lateral (
      select l.max_running, l.max_running is not null or l.rate is not null as limited
      from jobs.limits as l
      where l.queue = p_queue and l.key in (k.key, '*') and k.key <> ''
      order by l.key = k.key desc
      limit 1
    ) as l on true
    left join held as h on h.key = k.key
    where not exists (
        select from jobs.pauses as p
        where p.queue = p_queue and p.key = k.key and k.key <> ''
          and (p.until is null or p.until > jobs.clock())
      )
      and not exists (
        select from jobs.rests as r
        where r.queue = p_queue and r.key = k.key and k.key <> '' and r.until > jobs.clock()
      )
  )
  select coalesce(array_agg(a.key order by a.place) filter (
           -- A key with limits is for one claimer at a time; who finds it locked leaves it alone.
           -- Two keys with the same hash only wait for each other's turn.
           where case
             when a.is_full then false
             when a.limited then pg_try_advisory_xact_lock(77, hashtext(p_queue || ':' || a.key))
             else true
           end
         ), '{}'),
         count(*) filter (where a.is_full)
  from awake as a
  into keys, denied;
end;
$$;

comment on function jobs._open_keys is
  'Those of the keys that are neither paused nor told to wait nor at their limit nor just being
claimed by another. Locks the ones with limits to the end of the transaction.
denied: how many were at their limit.';
