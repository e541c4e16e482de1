create or replace function jobs.retry_dead(
  p_kind       text default null,
  p_queue      text default null,
  p_reason     text default null,
  p_limit      integer default 1000,
  p_per_second double precision default null,
  p_dry_run    boolean default false,
  p_key        text default null,
  p_tenant     uuid default null
)
returns table (job_id bigint, kind text, reason text, run_at timestamptz, held_by bigint)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
-- Each question gets a plan of its own, in which what it does not ask for is gone.
set plan_cache_mode = force_custom_plan
as $$
declare
  v_ids  bigint[];
  v_dead record;
  v_from timestamptz := jobs.clock();
begin
  if p_per_second not between 0.000001 and 1000000 then
    raise exception using
      errcode = 'JQ036',
      message = 'So many a second cannot be retried.',
      detail  = format('per_second=%s', p_per_second),
      hint    = 'From 0.000001 to 1000000; null is all at once.';
  end if;
  if p_per_second is not null then
    -- Whoever paces at the same time is waited for, so that it can be seen what is put off already.
    perform pg_advisory_xact_lock(81, 0);
    select greatest(v_from, max(s.run_at) + interval '1 s' / p_per_second)
    from jobs.scheduled as s
    where s.why = 'Retried after its death.'
      and (p_queue is null or s.queue = p_queue)
      and (p_kind is null or s.kind = p_kind)
    into v_from;
  end if;

  v_ids := array(
    select l.job_id
    from jobs._find_dead(p_kind, p_queue, p_reason, p_key, p_tenant) as f
    join jobs.dead_letters as l on l.job_id = f.job_id
    order by l.job_id
    limit p_limit
    -- Somebody retries one of them just now: it is not ours.
    for update of l skip locked
  );
  if not p_dry_run then
    -- They let go of their keys when they died. All of a kind at once, for the order of the locks.
    perform jobs._take_unique_keys(
      k.kind, k.job_ids, k.unique_keys, 'ignore', null, 'finished', null
    )
    from (
      select j.kind, array_agg(j.job_id) as job_ids, array_agg(j.unique_key) as unique_keys
      from jobs.jobs as j
      where j.job_id = any (v_ids) and j.unique_key is not null
      group by j.kind
      order by j.kind
    ) as k;
  end if;

  for v_dead in
    select h.job_id, h.kind, h.reason, h.held_by,
           row_number() over (partition by h.held_by is null order by h.job_id) - 1 as place
    from (
      select d.job_id, j.kind, d.reason,
             -- By a job that lives; or, of two dead ones, by the older, which goes first.
             coalesce(u.job_id, case when j.unique_key is not null then nullif(
               first_value(d.job_id) over (
                 partition by j.kind, j.unique_key order by d.job_id
               ), d.job_id
             ) end) as held_by
      from jobs.dead_letters as d
      join jobs.jobs as j on j.job_id = d.job_id
      left join jobs.unique_keys as u
        on u.kind = j.kind and u.unique_key = j.unique_key and u.job_id <> d.job_id
      where d.job_id = any (v_ids)
    ) as h
    order by h.job_id
  loop
    job_id := v_dead.job_id;
    kind := v_dead.kind;
    reason := v_dead.reason;
    held_by := v_dead.held_by;
    run_at := case when held_by is null
      then v_from + make_interval(secs => coalesce(v_dead.place / p_per_second, 0)) end;
    if not p_dry_run and held_by is null then
      perform jobs._revive(job_id, run_at);
    end if;
    return next;
  end loop;
end;
$$;

comment on function jobs.retry_dead is
  'Let dead jobs try again from the beginning, the oldest first: those of a kind, of a queue, of a
key, of a tenant, whose reason is like p_reason; null asks for all. p_per_second of them a second,
after those of the kind and queue that were put off so before; null all at once. p_limit at most,
null all. Returns each with when it may run, or with the job that holds its unique key by now
(held_by): that one stays dead. p_dry_run: the same, and nothing is changed.
Raises JQ036 (no such pace).
select * from jobs.retry_dead(p_reason => ''%timeout%'', p_per_second => 5, p_dry_run => true);';
grant execute on function jobs.retry_dead to autom_operator;
