create or replace function jobs.prepare(p_job_id bigint, p_run_no integer)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job        jobs.running;
  v_kind       jobs.kinds;
  v_payload    jsonb;
  v_maybe_sent boolean;
  v_reply      jsonb;
begin
  select r.* from jobs.running as r
  where r.job_id = p_job_id and r.run_no = p_run_no
  for update
  into v_job;
  if not found then
    return jsonb_build_object('call', false, 'why', 'stale');
  end if;
  if v_job.cancel_reason is not null then
    perform jobs._finish(v_job, 'cancelled', v_job.cancel_reason);
    return jsonb_build_object('call', false, 'why', 'cancelled: ' || v_job.cancel_reason);
  end if;

  select k.* from jobs.kinds as k where k.kind = v_job.kind into v_kind;
  select j.payload from jobs.jobs as j where j.job_id = p_job_id into v_payload;
  v_maybe_sent := jobs._maybe_sent(p_job_id, p_run_no);
  if v_maybe_sent and v_kind.effect = 'at_most_once' then
    perform jobs._finish(v_job, 'unknown',
      'An earlier run may have sent it, and it is not sent twice.');
    return jsonb_build_object('call', false, 'why', 'unknown: may have been sent');
  end if;

  v_reply := jsonb_build_object('request', v_payload);
  if v_kind.prepare is not null then
    perform jobs._enter_run(v_job.run_id);
    execute format('select %I.%I($1, $2, $3)', split_part(v_kind.prepare, '.', 1),
                   split_part(v_kind.prepare, '.', 2))
    using p_job_id, v_payload, v_maybe_sent
    into v_reply;
  end if;

  if v_reply ? 'skip' then
    perform jobs._finish(v_job, 'skipped', v_reply ->> 'skip');
    return jsonb_build_object('call', false, 'why', 'skipped: ' || (v_reply ->> 'skip'));
  elsif v_reply ? 'give_up' then
    perform jobs._finish(v_job, 'failed', v_reply ->> 'give_up');
    return jsonb_build_object('call', false, 'why', 'failed: ' || (v_reply ->> 'give_up'));
  elsif v_reply ? 'later' then
    perform jobs._put_in_line(
      v_job, jobs.clock() + make_interval(secs => (v_reply ->> 'later')::double precision),
      v_reply ->> 'reason'
    );
    return jsonb_build_object('call', false, 'why', concat_ws(': ', 'later', v_reply ->> 'reason'));
  elsif v_reply ? 'done' then
    perform jobs._settle_done(v_job, v_kind, v_reply -> 'done');
    return jsonb_build_object('call', false, 'why', 'done');
  elsif not coalesce(v_reply ? 'request', false) then
    raise exception using
      errcode = 'JQ007',
      message = 'The prepare function did not answer.',
      detail  = format('kind=%s prepare=%s answer=%s', v_job.kind, v_kind.prepare, v_reply),
      hint    = 'It returns request, skip, later, give_up or done: see \d+ jobs.kinds.';
  end if;

  -- Written down before the request goes out: if the worker is never heard of again, it may have.
  insert into jobs.effects (job_id, sent_at, run_no, mode)
  values (p_job_id, jobs.clock(), p_run_no, v_kind.effect)
  -- Asked again by a worker that the first answer did not reach.
  on conflict (job_id, run_no) do nothing;
  return jsonb_build_object(
    'call', true,
    'request', v_reply -> 'request',
    'connection_id', v_reply -> 'connection_id',
    'maybe_sent', v_maybe_sent,
    'timeout_s', extract(epoch from v_job.deadline - v_job.started_at)
  );
end;
$$;

comment on function jobs.prepare is
  'Ask the kind whether the work of a claimed job is still wanted, and for its request. Returns
{"call": true, "request", "connection_id", "maybe_sent", "timeout_s"}, or {"call": false, "why"}
where the job was ended or put back already, or is another''s by now ("stale").
Raises JQ007, and whatever the kind''s prepare function raises.';
grant execute on function jobs.prepare to autom_worker, autom_operator;
