create or replace function jobs.keep_step(
  p_job_id bigint,
  p_run_no integer,
  p_step   text,
  p_value  jsonb
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform jobs._hold_run(p_job_id, p_run_no);
  insert into jobs.steps as s (job_id, step, begun_at, done_at, value)
  values (p_job_id, p_step, jobs.clock(), jobs.clock(), p_value)
  on conflict (job_id, step) do update
  set done_at = excluded.done_at, value = excluded.value
  where s.done_at is null;
  return (select s.value from jobs.steps as s where s.job_id = p_job_id and s.step = p_step);
end;
$$;

comment on function jobs.keep_step is
  'A step is done: keep what came of it, for this run and those after. The first value stays;
returns it. Raises JQ033 (not the present run).';
grant execute on function jobs.keep_step to autom_worker, autom_operator;
