create or replace function jobs._raise_floors()
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
  v_mark   bigint := coalesce(pg_sequence_last_value('jobs.mark_place'), 0);
  v_due_at bigint := coalesce(pg_sequence_last_value('jobs.mark_due_at'), 0);
  v_claim  bigint := coalesce(pg_sequence_last_value('jobs.mark_claim'), 0);
  v_xact   bigint := coalesce(pg_sequence_last_value('jobs.mark_xact'), 0);
  -- The next mark: what has been drawn so far, and then a number for this transaction. Whoever has
  -- drawn one of those had a number before, so a lower one.
  v_next_mark   bigint := jobs._last_id();
  v_next_claim  bigint := coalesce(pg_sequence_last_value('jobs.claims'), 0);
  -- Who lets a job wait asks whether it is due by now (jobs._now) about when it draws its number.
  v_next_due_at bigint := extract(epoch from jobs.clock() - interval '10 s') * 1000;
  v_is_first    boolean := pg_current_xact_id_if_assigned() is null;
  v_next_xact   bigint := pg_current_xact_id()::text::bigint;
  v_queue  text;
  v_floor  bigint;
  v_raised integer := 0;
begin
  -- Whoever puts a job back in its old place keeps the floors where they are until it is seen.
  if not pg_try_advisory_xact_lock(79, 1) then
    return 0;
  end if;
  -- A place is drawn before its job is committed: a floor may not pass a mark before everybody who
  -- had drawn one below it is through. A reader, however long, has drawn none and holds up nothing.
  if pg_snapshot_xmin(pg_current_snapshot())::text::bigint < v_xact then
    return 0;
  end if;

  -- Measured only now, by statements that see all that was committed below the mark. What was seen
  -- when the mark was set would leave out a job that was committed since.
  for v_queue in
    select q.queue from jobs.queues as q
  loop
    if to_regclass('jobs.floor_' || v_queue) is null then
      execute format('create sequence jobs.%I minvalue 0 start 0', 'floor_' || v_queue);
      execute format('create sequence jobs.%I minvalue 0 start 0', 'claim_floor_' || v_queue);
    end if;
    v_floor := least(v_mark, (
      select min(r.seq >> 10)
      from generate_series(0, 3) as b
      cross join lateral (
        select r.seq
        from jobs.ready as r
        -- seq > 0: as in jobs.claim.
        where r.queue = v_queue and r.priority = b and r.seq > 0
          and r.seq >> 10 >= jobs._floor(v_queue) >> 10
        order by r.seq >> 10
        limit 1
      ) as r
    ) << 10);
    if v_floor >> 10 > jobs._floor(v_queue) >> 10 then
      perform setval(to_regclass('jobs.floor_' || v_queue), v_floor >> 10);
      v_raised := v_raised + 1;
    end if;
    v_floor := least(v_claim, (
      select r.claim_no from jobs.running as r
      where r.queue = v_queue and r.counted and r.claim_no >= jobs._claim_floor(v_queue)
      order by r.claim_no
      limit 1
    ));
    if v_floor > jobs._claim_floor(v_queue) then
      perform setval(to_regclass('jobs.claim_floor_' || v_queue), v_floor);
    end if;
  end loop;
  perform setval('jobs.due_floor', least(v_due_at, (
    select (extract(epoch from s.run_at) * 1000)::bigint - 1
    from jobs.scheduled as s
    where s.run_at > jobs._due_floor()
    order by s.run_at
    limit 1
  )));

  -- A number that this transaction had before it looked says nothing of who has drawn since.
  if v_is_first then
    perform setval('jobs.mark_place', v_next_mark);
    perform setval('jobs.mark_claim', v_next_claim);
    perform setval('jobs.mark_due_at', v_next_due_at);
    perform setval('jobs.mark_xact', v_next_xact);
  end if;
  return v_raised;
end;
$$;

comment on function jobs._raise_floors is
  'Bring the floors up to the oldest ready job of each queue and the first scheduled one, as far as
is certain; returns how many queues'' rose. To be the first that its transaction does.';
