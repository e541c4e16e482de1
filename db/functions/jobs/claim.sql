create or replace function jobs.claim(
  p_worker_id integer,
  p_queue     text,
  p_limit     integer default 1,
  p_after_key text default null
)
returns table (job_id bigint, run_no integer, kind text, key text, payload jsonb, failures smallint)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
declare
  -- One claim in sixteen asks the idle first, so that they are not left for ever.
  v_bands integer[] := case when random() < 0.0625 then array[3, 2, 1, 0] else array[0, 1, 2, 3] end;
  v_band  integer;
  v_room  integer;
  v_ids   bigint[] := array[]::bigint[];
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

  perform jobs._promote(1000);
  v_room := jobs._room_in_queue(p_queue, p_limit);
  foreach v_band in array v_bands loop
    exit when v_room <= 0;
    v_ids := v_ids || jobs._claim_band(p_worker_id, p_queue, v_band, v_room, p_after_key);
    v_room := least(v_room, p_limit - cardinality(v_ids));
  end loop;

  return query
  select r.job_id, r.run_no, r.kind, r.key, j.payload, r.failures
  from unnest(v_ids) with ordinality as i (job_id, place)
  join jobs.running as r on r.job_id = i.job_id
  join jobs.jobs as j on j.job_id = i.job_id and j.job_id = any (v_ids)
  order by i.place;
end;
$$;

comment on function jobs.claim is
  'Give up to p_limit ready jobs of a queue to a worker: urgent before idle, keys in turn within a
priority, first come first served within a key, and never more of a key or queue than its limits allow.
p_after_key: the key of the last job that the caller got; the turn goes on behind it.
Be its own transaction: keys with limits are closed to others until it ends.
Raises JQ005 (worker not signed on), JQ006 (wrong isolation level).';
grant execute on function jobs.claim to autom_worker, autom_operator;
