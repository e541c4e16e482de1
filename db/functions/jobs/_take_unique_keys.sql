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
  v_gives   boolean := p_mode in ('ignore', 'reject');
  v_holders bigint[];
  v_wanted  bigint[];
  v_keys    text[];
  v_new     integer;
begin
  -- Nothing is locked where the key is taken: a long transaction that asks for it holds up nobody.
  if v_gives then
    select array_agg(h.job_id order by n.place)
    from unnest(p_unique_keys) with ordinality as n (unique_key, place)
    left join jobs._held_keys(p_kind, p_unique_keys, cardinality(p_unique_keys) = 1) as h
      on h.unique_key = n.unique_key
    into v_holders;
  end if;

  -- Of two with one key the first is meant, or, where it replaces, the last.
  select array_agg(w.job_id), array_agg(w.unique_key)
  from (
    select distinct on (n.unique_key) n.unique_key, n.job_id
    from unnest(p_job_ids, p_unique_keys, v_holders) as n (job_id, unique_key, holder)
    where n.unique_key is not null and n.holder is null
    order by n.unique_key, case when v_gives then n.job_id else -n.job_id end
  ) as w
  into v_wanted, v_keys;

  -- All that is locked, is locked here, in the order of the keys: two callers do not wait for each
  -- other. A report waits for nobody, see jobs._free_unique_keys.
  insert into jobs.unique_keys as u (kind, unique_key, job_id, until, until_claimed)
  select p_kind, n.unique_key, n.job_id, v_over, p_until = 'claimed'
  from unnest(v_wanted, v_keys) with ordinality as n (job_id, unique_key, place)
  order by n.place
  on conflict (kind, unique_key) do update set job_id = u.job_id where false;

  get diagnostics v_new = row_count;
  if v_new = cardinality(p_job_ids) then
    return p_job_ids;
  end if;

  if v_new < cardinality(v_wanted) then
    update jobs.unique_keys as u
    set job_id = n.job_id, until = v_over, until_claimed = p_until = 'claimed'
    from unnest(v_wanted, v_keys) as n (job_id, unique_key)
    where u.kind = p_kind and u.unique_key = n.unique_key
      and u.unique_key not in (select h.unique_key from jobs._held_keys(p_kind, v_keys, true) as h);
  end if;

  select array_agg(coalesce(n.holder, u.job_id, n.job_id) order by n.place)
  from unnest(p_job_ids, p_unique_keys, v_holders) with ordinality
    as n (job_id, unique_key, holder, place)
  left join jobs.unique_keys as u
    on n.holder is null and u.kind = p_kind and u.unique_key = n.unique_key
  into v_holders;
  return v_holders;
end;
$$;

comment on function jobs._take_unique_keys is
  'Take unique keys for new jobs; returns who holds each: the new job itself, or another. A job
without a unique key holds itself. With a mode that replaces, the keys stay locked.';
