create or replace function jobs.sleep(
  p_job_id bigint,
  p_run_no integer,
  p_step   text,
  p_for    interval default null,
  p_until  timestamptz default null
)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job   jobs.running := jobs._hold_run(p_job_id, p_run_no);
  v_until timestamptz;
begin
  insert into jobs.steps (job_id, step, begun_at, value)
  values (p_job_id, p_step, jobs.clock(), to_jsonb(coalesce(p_until, jobs.clock() + p_for)))
  on conflict (job_id, step) do nothing;
  select (s.value #>> '{}')::timestamptz
  from jobs.steps as s where s.job_id = p_job_id and s.step = p_step
  into v_until;
  if v_until is null or v_until <= jobs.clock() then
    update jobs.steps as s
    set done_at = jobs.clock()
    where s.job_id = p_job_id and s.step = p_step and s.done_at is null;
    return true;
  end if;
  if jobs._set_aside(v_job) then
    perform jobs._put_in_line(v_job, v_until, format('Sleeps: %s.', p_step));
  end if;
  return false;
end;
$$;

comment on function jobs.sleep is
  'Put a running job off for p_for, or until p_until; costs no attempt, holds no worker and keeps
its steps. False: the run is over, stop. When the job runs again and asks the same, true: go on. The
first to ask for a step sets its time. Raises JQ033 (not the present run).';
grant execute on function jobs.sleep to autom_worker, autom_operator;
