create or replace function jobs._replace(
  p_kind        text,
  p_unique_keys text[],
  p_holders     bigint[],
  p_job_ids     bigint[],
  p_payloads    jsonb[],
  p_mode        text,
  p_for         interval,
  p_until       text,
  p_run_at      timestamptz,
  p_max_wait    interval,
  p_priority    integer
)
returns table (unique_key text, job_id bigint, run_at timestamptz)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_moved   bigint[] := array[]::bigint[];
  v_run_nos integer[] := array[]::integer[];
  v_still   bigint[];
  v_now     timestamptz;
begin
  if p_mode <> 'throttle' then
    select coalesce(array_agg(w.job_id), '{}'), coalesce(array_agg(w.run_no), '{}')
    from jobs._withdraw_many(p_holders) as w
    into v_moved, v_run_nos;
  end if;
  -- Who waits for other jobs or for an event goes on waiting for them, and throttled ones for their
  -- time; they only must not be claimed with the payload of before.
  v_still := jobs._stand_still(
    array(select unnest(p_holders) except select unnest(v_moved)), true
  );
  perform jobs._write_anew(v_still);

  update jobs.jobs as j
  set payload = coalesce(n.payload, '{}'),
      priority = case when w.is_moved then p_priority else j.priority end
  from unnest(p_holders, p_payloads) as n (holder, payload)
  join (
    select m.job_id, true as is_moved from unnest(v_moved) as m (job_id)
    union all
    select s.job_id, false from unnest(v_still) as s (job_id)
  ) as w on w.job_id = n.holder
  where j.job_id = n.holder;

  v_now := jobs._now();
  with back as materialized (
    select j.*, w.run_no,
           case when p_mode = 'debounce' then least(p_run_at, j.created_at + p_max_wait)
                else p_run_at end as run_at
    from unnest(v_moved, v_run_nos) as w (job_id, run_no)
    join jobs.jobs as j on j.job_id = w.job_id
  ),
  later as (
    insert into jobs.scheduled (
      job_id, run_id, run_at, run_no, failures, priority, is_unique, queue, kind, key
    )
    select b.job_id, b.run_id, b.run_at, b.run_no, 0, p_priority, true, b.queue, b.kind, b.key
    from back as b
    where b.run_at > v_now
  )
  insert into jobs.ready (
    seq, job_id, run_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
  )
  select (jobs._new_ids(1))[1], b.job_id, b.run_id, jobs.clock(), b.run_no, 0, p_priority, true,
         b.queue, b.kind, b.key
  from back as b
  where b.run_at is null or b.run_at <= v_now;
  if found then
    perform jobs._wake('');
  end if;

  return query
  with followers as (
    -- The holder is at work, or has ended within its window: the new job follows it and takes the
    -- key over.
    select n.unique_key, n.job_id,
           case when p_mode = 'throttle' then greatest(p_run_at, u.until)
             else p_run_at end as run_at
    from unnest(p_unique_keys, p_holders, p_job_ids) as n (unique_key, holder, job_id)
    join jobs.unique_keys as u on u.kind = p_kind and u.unique_key = n.unique_key
    where n.holder not in (select unnest(v_moved || v_still))
  ),
  taken_over as (
    update jobs.unique_keys as u
    set job_id = f.job_id, until_claimed = p_until = 'claimed',
        until = greatest(jobs.clock(), f.run_at) + p_for
    from followers as f
    where u.kind = p_kind and u.unique_key = f.unique_key
  )
  select f.unique_key, f.job_id, f.run_at from followers as f;
end;
$$;

comment on function jobs._replace is
  'Give the jobs that hold these unique keys new payloads, if they still wait. replace gives them a
new time too, debounce the new time but no later than p_max_wait after they were enqueued, throttle
leaves theirs. The caller has locked the keys. Returns who takes a key over because its holder does
not wait any more, and when it may run: throttled, not before the holder''s window is over.';
