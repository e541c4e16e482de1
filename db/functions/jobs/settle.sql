create or replace function jobs.settle(p_job_id bigint, p_run_no integer, p_outcome jsonb)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_outcome text := p_outcome ->> 'outcome';
  v_reason  text := p_outcome ->> 'reason';
  v_after   double precision := (p_outcome ->> 'after')::double precision;
  v_job     jobs.running;
  v_kind    jobs.kinds;
begin
  if v_outcome is null or v_outcome not in ('done', 'try_later', 'give_up', 'unknown') then
    raise exception using
      errcode = 'JQ008',
      message = 'There is no such outcome.',
      detail  = format('outcome=%s', p_outcome),
      hint    = 'done, try_later, give_up or unknown.';
  end if;

  select r.* from jobs.running as r
  where r.job_id = p_job_id and r.run_no = p_run_no
  for update
  into v_job;
  if not found then
    perform jobs._count('jobs.stale_reports');
    return 'stale';
  end if;
  select k.* from jobs.kinds as k where k.kind = v_job.kind into v_kind;

  update jobs.effects as e
  set outcome = v_outcome, ended_at = jobs.clock()
  where e.job_id = p_job_id and e.run_no = p_run_no;
  perform jobs._heed(v_job, p_outcome);

  if v_outcome = 'done' then
    return jobs._settle_done(v_job, v_kind, p_outcome -> 'answer');
  elsif v_job.cancel_reason is not null then
    return jobs._finish(v_job, 'cancelled', v_job.cancel_reason);
  elsif v_outcome = 'give_up' then
    return jobs._finish(v_job, 'failed', v_reason, p_outcome ->> 'code');
  elsif v_outcome = 'unknown' and v_kind.effect = 'at_most_once' then
    return jobs._finish(v_job, 'unknown', v_reason, p_outcome ->> 'code');
  elsif (p_outcome ->> 'pause_key')::boolean or (p_outcome ->> 'unbegun')::boolean then
    -- The service turned everybody with this key away, or the worker cannot do this kind of work;
    -- that says nothing about this job.
    return jobs._put_in_line(
      v_job, jobs.clock() + make_interval(secs => coalesce(v_after, 1)), v_reason
    );
  end if;
  return jobs._try_again(
    v_job, v_kind, v_after, v_reason, p_outcome ->> 'code',
    case v_outcome when 'unknown' then 'unknown' else 'failed' end
  );
end;
$$;

comment on function jobs.settle is
  'Report how a run went: {"outcome": "done" | "try_later" | "give_up" | "unknown", "answer",
"after", "reason", "code", "pause_key", "unbegun", "throttle"}. Ends the job or lets it wait for
another attempt, and runs the kind''s settle function where it ends, all in this transaction.
Returns done, failed, unknown, cancelled, ready, scheduled; or stale, with nothing changed, where
the run is not the present one.
Raises JQ008, and for a done job whatever its settle function raises.';
grant execute on function jobs.settle to autom_worker, autom_operator;
