create or replace function jobs._open_keys(p_queue text, p_keys text[])
returns text[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select coalesce(array_agg(k.key order by k.place), '{}')
  from unnest(p_keys) with ordinality as k (key, place)
  where not exists (
      select from jobs.pauses as p
      where p.queue = p_queue and p.key = k.key and k.key <> ''
        and (p.until is null or p.until > jobs.clock())
    )
    and not exists (
      select from jobs.buckets as b
      where b.queue = p_queue and b.key = k.key and b.blocked_until > jobs.clock()
    )
    -- A key with limits is for one claimer at a time; who finds it locked leaves it alone.
    -- Two keys with the same hash only wait for each other's turn.
    and case
      when k.key <> '' and exists (
        select from jobs.limits as l
        where l.queue = p_queue and l.key in (k.key, '*')
          and (l.max_running is not null or l.rate is not null)
      )
      then pg_try_advisory_xact_lock(77, hashtext(p_queue || ':' || k.key))
      else true
    end);
end;
$$;

comment on function jobs._open_keys is
  'Those of the keys that are neither paused nor told to wait nor just being claimed by another.
Locks the ones with limits to the end of the transaction.';
