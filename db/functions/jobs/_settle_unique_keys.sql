create or replace function jobs._settle_unique_keys(
  p_kind        text,
  p_job_ids     bigint[],
  p_unique_keys text[],
  p_mode        text,
  p_for         interval,
  p_until       text,
  p_max_wait    interval,
  p_payloads    jsonb[],
  p_run_at      timestamptz,
  p_priority    integer
)
returns table (job_ids bigint[], run_ats timestamptz[])
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_taken record;
begin
  if coalesce(p_mode not in ('ignore', 'reject', 'replace', 'throttle', 'debounce'), true) then
    raise exception using
      errcode = 'JQ003',
      message = 'There is no such mode for a unique key.',
      detail  = format('mode=%s', p_mode),
      hint    = 'ignore, reject, replace, throttle or debounce.';
  elsif coalesce(p_until not in ('finished', 'claimed'), true) then
    raise exception using
      errcode = 'JQ030',
      message = 'A unique key is held until its job is claimed or finished.',
      detail  = format('until=%s', p_until),
      hint    = 'claimed or finished; for a time, use p_unique_for.';
  elsif p_mode = 'debounce' and p_run_at is null then
    raise exception using
      errcode = 'JQ031',
      message = 'What is put off needs a time to put it off to.',
      detail  = 'mode=debounce run_at=null',
      hint    = 'p_run_at => jobs.clock() + interval ''5 s''';
  end if;

  job_ids := jobs._take_unique_keys(
    p_kind, p_job_ids, p_unique_keys, p_mode, p_for, p_until, p_run_at
  );
  if p_mode = 'ignore' or job_ids = p_job_ids then
    return next;
    return;
  end if;

  if p_mode = 'reject' then
    select n.unique_key, n.holder
    from unnest(p_job_ids, p_unique_keys, job_ids) as n (job_id, unique_key, holder)
    where n.job_id <> n.holder
    limit 1
    into v_taken;
    raise exception using
      errcode = 'JQ001',
      message = 'An unfinished job holds this unique key.',
      detail  = format('kind=%s unique_key=%s job_id=%s', p_kind, v_taken.unique_key,
        v_taken.holder),
      hint    = 'Use another p_unique_mode, or wait until that job has ended.';
  end if;

  return query
  with taken as (
    select distinct on (n.unique_key) n.unique_key, n.holder, n.job_id, n.payload
    from unnest(p_job_ids, p_unique_keys, job_ids, p_payloads)
      as n (job_id, unique_key, holder, payload)
    where n.holder not in (select unnest(p_job_ids))
    order by n.unique_key, n.job_id desc
  ),
  followers as (
    select f.unique_key, f.job_id, f.run_at
    from (
      select array_agg(t.unique_key) as unique_keys, array_agg(t.holder) as holders,
             array_agg(t.job_id) as job_ids, array_agg(t.payload) as payloads
      from taken as t
      having count(*) > 0
    ) as a
    cross join lateral jobs._replace(
      p_kind, a.unique_keys, a.holders, a.job_ids, a.payloads, p_mode, p_for, p_until, p_run_at,
      p_max_wait, p_priority
    ) as f
  )
  select array_agg(coalesce(f.job_id, n.holder) order by n.place),
         array_agg(f.run_at order by n.place)
  from unnest(p_unique_keys, job_ids) with ordinality as n (unique_key, holder, place)
  left join followers as f on f.unique_key = n.unique_key;
end;
$$;

comment on function jobs._settle_unique_keys is
  'Who is to do the work of new jobs with unique keys: the new job itself, or the one that holds its
key, which then may get the new payload and time. run_ats: where a new job has to wait for another.
Raises JQ001, JQ003, JQ030, JQ031.';
