create or replace function jobs._take_unique_keys(
  p_kind        text,
  p_job_ids     bigint[],
  p_unique_keys text[],
  p_mode        text,
  p_for         interval,
  p_payloads    jsonb[],
  p_run_at      timestamptz,
  p_priority    integer
)
returns bigint[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_holders bigint[];
  v_taken   record;
begin
  if p_mode not in ('ignore', 'reject', 'replace') then
    raise exception using
      errcode = 'JQ003',
      message = 'There is no such mode for a unique key.',
      detail  = format('mode=%s', p_mode),
      hint    = 'ignore, reject or replace.';
  end if;

  loop
    delete from jobs.unique_keys as u
    where u.kind = p_kind and u.unique_key = any (p_unique_keys)
      and u.until <= jobs.clock() and jobs._ended(u.job_id);

    -- In the order of the keys: two callers with the same keys must not wait for each other.
    -- Nothing is locked where the key is taken, so a long transaction that asks for it
    -- does not hold up the holder's end.
    insert into jobs.unique_keys (kind, unique_key, job_id, until)
    select p_kind, n.unique_key, n.job_id, jobs.clock() + p_for
    from unnest(p_job_ids, p_unique_keys) as n (job_id, unique_key)
    where n.unique_key is not null
    order by n.unique_key, n.job_id
    on conflict (kind, unique_key) do nothing;

    select array_agg(coalesce(u.job_id, case when n.unique_key is null then n.job_id end)
                     order by n.place)
    from unnest(p_job_ids, p_unique_keys) with ordinality as n (job_id, unique_key, place)
    left join jobs.unique_keys as u on u.kind = p_kind and u.unique_key = n.unique_key
    into v_holders;
    -- A holder that ended between the two statements leaves a gap: ask again.
    exit when array_position(v_holders, null) is null;
  end loop;

  if p_mode = 'ignore' or v_holders = p_job_ids then
    return v_holders;
  end if;

  for v_taken in
    select n.place, n.job_id, n.unique_key, n.holder, n.payload
    from unnest(p_job_ids, p_unique_keys, v_holders, p_payloads) with ordinality
      as n (job_id, unique_key, holder, payload, place)
    where n.job_id <> n.holder
    order by n.unique_key, n.place
  loop
    if p_mode = 'reject' then
      raise exception using
        errcode = 'JQ001',
        message = 'An unfinished job holds this unique key.',
        detail  = format('kind=%s unique_key=%s job_id=%s', p_kind, v_taken.unique_key, v_taken.holder),
        hint    = 'Use p_unique_mode ignore or replace, or wait until that job has ended.';
    end if;
    v_holders[v_taken.place] := jobs._replace(
      p_kind, v_taken.unique_key, v_taken.job_id, v_taken.payload, p_run_at, p_priority, p_for
    );
  end loop;
  return v_holders;
end;
$$;

comment on function jobs._take_unique_keys is
  'Take unique keys for new jobs; returns who holds each: the new job itself, or another. A job
without a unique key holds itself. Raises JQ001, JQ003.';
