create or replace function jobs.complete_and_claim(
  p_worker_id integer,
  p_job_ids   bigint[],
  p_run_nos   integer[],
  p_results   jsonb[],
  p_queue     text,
  p_limit     integer default 1,
  p_after_key text default null
)
returns table (job_id bigint, run_no integer, kind text, key text, payload jsonb, failures smallint)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform jobs.complete_many(p_job_ids, p_run_nos, p_results);
  return query
  select c.job_id, c.run_no, c.kind, c.key, c.payload, c.failures
  from jobs.claim(p_worker_id, p_queue, p_limit, p_after_key) as c;
end;
$$;

comment on function jobs.complete_and_claim is
  'jobs.complete_many and jobs.claim in one round trip and one commit.';
grant execute on function jobs.complete_and_claim to autom_worker, autom_operator;
