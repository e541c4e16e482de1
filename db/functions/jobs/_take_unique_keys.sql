create or replace function jobs._take_unique_keys(
  p_kind        text,
  p_job_ids     bigint[],
  p_unique_keys text[],
  p_mode        text,
  p_for         interval,
  p_until       text,
  p_run_at      timestamptz
)
returns bigint[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_over    timestamptz := greatest(jobs.clock(), p_run_at) + p_for;
  v_asked   bigint[];
  v_still   bigint[];
  v_holders bigint[];
begin
  loop
    -- Claims tell nobody that a key is free from then on. Whoever waits unclaimed is locked, so it
    -- is not claimed before this transaction has ended, and then sees what it did.
    select array_agg(u.job_id)
    from jobs.unique_keys as u
    where u.kind = p_kind and u.unique_key = any (p_unique_keys)
      and u.until_claimed and (u.until is null or u.until <= jobs.clock())
    into v_asked;
    if v_asked is not null then
      v_still := jobs._stand_still(v_asked);
    end if;
    delete from jobs.unique_keys as u
    where u.kind = p_kind and u.unique_key = any (p_unique_keys)
      and (u.until is null and u.until_claimed or u.until <= jobs.clock())
      and case when u.until_claimed
        then u.job_id = any (v_asked) and u.job_id <> all (v_still)
        else jobs._ended(u.job_id)
      end;

    -- In the order of the keys: two callers with the same keys must not wait for each other.
    if p_mode in ('ignore', 'reject') then
      -- Nothing is locked where the key is taken, so a long transaction that asks for it
      -- does not hold up the holder's end. Of two with one key the first is meant.
      insert into jobs.unique_keys (kind, unique_key, job_id, until, until_claimed)
      select p_kind, n.unique_key, n.job_id, v_over, p_until = 'claimed'
      from unnest(p_job_ids, p_unique_keys) as n (job_id, unique_key)
      where n.unique_key is not null
      order by n.unique_key, n.job_id
      on conflict (kind, unique_key) do nothing;
    else
      -- The key stays locked, for its holder is about to be changed. Of two the last is meant.
      insert into jobs.unique_keys as u (kind, unique_key, job_id, until, until_claimed)
      select distinct on (n.unique_key)
             p_kind, n.unique_key, n.job_id, v_over, p_until = 'claimed'
      from unnest(p_job_ids, p_unique_keys) as n (job_id, unique_key)
      where n.unique_key is not null
      order by n.unique_key, n.job_id desc
      on conflict (kind, unique_key) do update set job_id = u.job_id;
    end if;

    select array_agg(coalesce(u.job_id, case when n.unique_key is null then n.job_id end)
                     order by n.place),
           array_agg(u.job_id) filter (
             where u.until_claimed and (u.until is null or u.until <= jobs.clock())
               and u.job_id <> all (p_job_ids)
           )
    from unnest(p_job_ids, p_unique_keys) with ordinality as n (job_id, unique_key, place)
    left join jobs.unique_keys as u on u.kind = p_kind and u.unique_key = n.unique_key
    into v_holders, v_asked;
    -- A holder that ended between two statements leaves a gap, and one that came was not asked to
    -- stand still: once more.
    exit when array_position(v_holders, null) is null
      and (v_asked is null or v_asked <@ v_still or p_mode not in ('ignore', 'reject'));
  end loop;
  return v_holders;
end;
$$;

comment on function jobs._take_unique_keys is
  'Take unique keys for new jobs; returns who holds each: the new job itself, or another. A job
without a unique key holds itself. With a mode that replaces, the keys stay locked.';
