create or replace function jobs.complete_many(
  p_job_ids bigint[],
  p_run_nos integer[],
  p_results jsonb[] default null
)
returns bigint[]
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
  v_done   bigint[];
  v_unique bigint[];
begin
  with ended as (
    delete from jobs.running as r
    using unnest(p_job_ids, p_run_nos, p_results) as d (job_id, run_no, result)
    -- The fence: a run that was taken away meanwhile has another number by now, or no row.
    where r.job_id = d.job_id and r.run_no = d.run_no and not r.settles
    returning r.*, d.result
  ),
  kept as (
    insert into jobs.history (
      job_id, started_at, finished_at, run_no, worker_id, failures, state, result
    )
    select e.job_id, e.started_at, jobs.clock(), e.run_no, e.worker_id, e.failures, 'done',
           case when pg_column_size(e.result) <= 8192 then e.result end
    from ended as e
  )
  select array_agg(e.job_id), array_agg(e.job_id) filter (where e.is_unique)
  from ended as e
  into v_done, v_unique;

  if coalesce(cardinality(v_done), 0) < cardinality(p_job_ids) then
    perform jobs._count(
      'jobs.stale_reports', cardinality(p_job_ids) - coalesce(cardinality(v_done), 0)
    );
  end if;
  if v_unique is not null then
    perform jobs._free_unique_keys(v_unique);
  end if;
  -- Looks into an index that is empty wherever nobody waits for another.
  if exists (select from jobs.waits as w where w.parent_id = any (v_done) and w.state is null) then
    perform jobs._resolve(v_done, 1000);
  end if;
  return coalesce(v_done, '{}');
end;
$$;

comment on function jobs.complete_many is
  'End runs as done; returns the ids of those that counted. The others were too late (their lease
ran out and somebody else has them), or are of a kind with a settle function: those go to
jobs.settle.';
grant execute on function jobs.complete_many to autom_worker, autom_operator;
