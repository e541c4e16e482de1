create or replace function jobs.step(p_job_id bigint, p_run_no integer, p_step text)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_step jobs.steps;
begin
  perform jobs._hold_run(p_job_id, p_run_no);
  insert into jobs.steps (job_id, step, begun_at)
  values (p_job_id, p_step, jobs.clock())
  on conflict (job_id, step) do nothing;
  if found then
    return jsonb_build_object('done', false, 'maybe_sent', false);
  end if;
  select s.* from jobs.steps as s where s.job_id = p_job_id and s.step = p_step into v_step;
  if v_step.done_at is null then
    return jsonb_build_object('done', false, 'maybe_sent', true);
  end if;
  return jsonb_build_object('done', true, 'value', v_step.value);
end;
$$;

comment on function jobs.step is
  'Begin a step of a running job, or hear what came of it: {"done": true, "value"} is not to be done
again; {"done": false, "maybe_sent"} is to be done and told to jobs.keep_step, and maybe_sent says
that an earlier run began it and was not heard of again. Raises JQ033 (not the present run).';
grant execute on function jobs.step to autom_worker, autom_operator;
