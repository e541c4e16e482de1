create or replace function jobs.fail(
  p_job_id bigint,
  p_run_no integer,
  p_error  text,
  p_retry  boolean default true,
  p_after  interval default null
)
returns text
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select jobs.settle(p_job_id, p_run_no, jsonb_build_object(
    'outcome', case when p_retry then 'try_later' else 'give_up' end,
    'reason', p_error,
    'after', extract(epoch from p_after)
  ));
$$;

comment on function jobs.fail is
  'Report that a run failed. p_retry: another attempt may help; p_after: not before, null backs off
as the kind says. Returns what jobs.settle returns.';
grant execute on function jobs.fail to autom_worker, autom_operator;
