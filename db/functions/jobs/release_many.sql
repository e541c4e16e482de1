create or replace function jobs.release_many(p_job_ids bigint[], p_run_nos integer[])
returns bigint[]
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_released bigint[];
begin
  perform jobs._lower_floor(r.queue, min(r.job_id))
  from jobs.running as r
  where r.job_id = any (p_job_ids)
  group by r.queue;
  with freed as (
    delete from jobs.running as r
    using unnest(p_job_ids, p_run_nos) as d (job_id, run_no)
    where r.job_id = d.job_id and r.run_no = d.run_no and r.cancel_reason is null
    returning r.*
  ),
  unsent as (
    delete from jobs.effects as e
    using freed as f
    where e.job_id = f.job_id and e.run_no = f.run_no and e.outcome is null
  ),
  back as (
    insert into jobs.ready (
      seq, job_id, run_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
    )
    -- Back to where they were in line, which for a fresh job is its own id.
    select f.job_id, f.job_id, f.run_id, jobs.clock(), f.run_no, f.failures, f.priority,
           f.is_unique, f.queue, f.kind, f.key
    from freed as f
    returning ready.job_id
  )
  select array_agg(b.job_id) from back as b into v_released;
  if v_released is not null then
    perform jobs._wake('');
  end if;
  return coalesce(v_released, '{}');
end;
$$;

comment on function jobs.release_many is
  'Give back claimed jobs that were not begun, or prepared but not sent; costs no attempt. '
  'Returns the ids of those given back.';
grant execute on function jobs.release_many to autom_worker, autom_operator;
