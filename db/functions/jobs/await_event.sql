create or replace function jobs.await_event(
  p_job_id  bigint,
  p_run_no  integer,
  p_event   text,
  p_timeout interval default null
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job   jobs.running := jobs._hold_run(p_job_id, p_run_no);
  v_step  text := 'event:' || p_event;
  v_heard jsonb;
begin
  select s.value from jobs.steps as s where s.job_id = p_job_id and s.step = v_step into v_heard;
  if found then
    return v_heard;
  end if;

  -- Whoever emits it holds the same lock. Either its event is seen by the next statement, or we are
  -- there before it looks for who waits.
  perform pg_advisory_xact_lock(80, hashtext(p_event));
  insert into jobs.steps (job_id, step, begun_at, done_at, value)
  select p_job_id, v_step, jobs.clock(), jobs.clock(),
         jsonb_build_object('state', 'here', 'value', e.value)
  from jobs.events as e where e.event = p_event
  returning steps.value into v_heard;
  if found then
    return v_heard;
  end if;

  if jobs._set_aside(v_job) then
    delete from jobs.running as r where r.job_id = p_job_id;
    insert into jobs.parked (
      job_id, run_id, parked_at, run_no, failures, priority, is_unique, queue, kind, key, why
    )
    values (v_job.job_id, v_job.run_id, jobs.clock(), v_job.run_no, v_job.failures, v_job.priority,
            v_job.is_unique, v_job.queue, v_job.kind, v_job.key,
            format('Waits for the event %s.', p_event));
    insert into jobs.awaits (job_id, event, until)
    values (p_job_id, p_event, jobs.clock() + p_timeout);
  end if;
  return jsonb_build_object('state', 'parked');
end;
$$;

comment on function jobs.await_event is
  'Have a running job wait for an event, however long ago it was emitted.
{"state": "here", "value"}: go on. {"state": "timed out"}: go on without. {"state": "parked"}: the
run is over, stop; the job runs again when the event comes, or when p_timeout is over, and asks the
same. What it was told once, it is told again. Costs no attempt.
Raises JQ033 (not the present run).';
grant execute on function jobs.await_event to autom_worker, autom_operator;
