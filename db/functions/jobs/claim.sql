create or replace function jobs.claim(
  p_worker_id integer,
  p_queue     text,
  p_limit     integer default 1,
  p_turn      jsonb default '{}'
)
returns table (
  job_id bigint, run_no integer, kind text, key text, payload jsonb, failures smallint,
  timeout interval, priority smallint
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
-- The plans are simple and always the same. Statistics of tables that fill and empty within seconds
-- would only mislead, and to plan or compile costs more than to run.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
  -- One claim in sixteen asks the idle first, so that they are not left for ever.
  v_sign integer := case when random() < 0.0625 then -1 else 1 end;
  v_floor bigint := jobs._floor(p_queue);
  v_room integer;
  v_tight boolean;
  v_bounded boolean;
  v_owed double precision;
  v_bucket bigint;
  v_paid integer := 0;
  v_got  integer;
  v_band integer;
begin
  -- Limits are counted by a statement that sees what the last holder of their lock committed.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'JQ006',
      message = 'Jobs are claimed in read committed transactions only.',
      detail  = format('transaction_isolation=%s', current_setting('transaction_isolation'));
  end if;

  -- Shared with the worker's other claims. jobs.reap takes it alone before it declares the worker
  -- dead, so no claim can slip in behind it.
  perform pg_advisory_xact_lock_shared(78, p_worker_id);
  perform from jobs.workers as w where w.worker_id = p_worker_id and w.stopped_at is null;
  if not found then
    perform jobs._refuse_worker(p_worker_id);
  end if;

  -- Closed while somebody gives the queue a bound, see jobs.tg_queues_count.
  if not pg_try_advisory_xact_lock_shared(80, hashtext(p_queue)) then
    return;
  end if;

  perform jobs._promote(1000);
  select q.room, q.bounded, q.owed, q.bucket, q.room < p_limit and q.bounded is not null
  from jobs._room_in_queue(p_queue, coalesce(p_limit, 1)) as q
  into v_room, v_bounded, v_owed, v_bucket, v_tight;
  for v_band in
    select b
    from generate_series(0, 3) as b
    -- With a limit, for an exists would be made a join that reads the whole queue. seq > 0 is
    -- always so, and what lets ready_floor_idx be used.
    cross join lateral (
      select from jobs.ready as r where r.queue = p_queue and r.priority = b and r.seq > 0
        and r.seq >> 10 >= v_floor >> 10
      -- In this order, or the planner may take the other index.
      order by r.seq >> 10
      limit 1
    ) as r
    order by b * v_sign
  loop
    if v_room <= 0 then
      if v_tight then
        perform jobs._count('jobs.denied_keys', 1);
      end if;
      exit;
    end if;
    return query
    select t.*
    from jobs._claim_band(
      p_worker_id, p_queue, v_band, v_room, p_turn ->> v_band::text, v_floor, v_bounded
    ) as t;
    get diagnostics v_got = row_count;
    v_room := v_room - v_got;
    v_paid := v_paid + v_got;
  end loop;
  if v_owed is not null and v_paid > 0 then
    perform jobs._pay(p_queue, v_paid, v_owed, v_bucket);
  end if;
end;
$$;

comment on function jobs.claim is
  'Give up to p_limit ready jobs of a queue to a worker: urgent before idle, keys in turn within a
priority, first come first served within a key, and never more of a key or queue than its limits
allow.
timeout: its own; null where it goes by its kind''s.
p_turn: the key of the last job that the caller got, by priority, as in {"2": "shop-7"}; the turn
goes on behind it.
Be its own transaction: keys with limits are closed to others until it ends.
Raises JQ005 (worker not signed on), JQ006 (wrong isolation level).';
grant execute on function jobs.claim to autom_worker, autom_operator;
