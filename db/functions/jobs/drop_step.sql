create or replace function jobs.drop_step(p_job_id bigint, p_run_no integer, p_step text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform jobs._hold_run(p_job_id, p_run_no);
  delete from jobs.steps as s
  where s.job_id = p_job_id and s.step = p_step and s.done_at is null;
end;
$$;

comment on function jobs.drop_step is
  'A step that was begun did surely not happen: the next run begins it afresh. Raises JQ033.';
grant execute on function jobs.drop_step to autom_worker, autom_operator;
