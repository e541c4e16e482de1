create or replace function jobs._unpark(p_job_ids bigint[])
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now   timestamptz := jobs._now();
  v_freed integer;
begin
  with freed as (
    delete from jobs.parked as p where p.job_id = any (p_job_ids) returning p.*
  ),
  later as (
    insert into jobs.scheduled (
      job_id, run_id, run_at, run_no, failures, priority, is_unique, queue, kind, key
    )
    select f.job_id, f.run_id, f.run_at, f.run_no, f.failures, f.priority, f.is_unique, f.queue,
           f.kind, f.key
    from freed as f
    where f.run_at > v_now
  ),
  now as (
    insert into jobs.ready (
      seq, job_id, run_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
    )
    select (jobs._new_ids(1))[1], f.job_id, f.run_id, jobs.clock(), f.run_no, f.failures,
           f.priority, f.is_unique, f.queue, f.kind, f.key
    from freed as f
    where f.run_at is null or f.run_at <= v_now
  )
  select count(*) from freed into v_freed;
  if v_freed > 0 then
    perform jobs._wake('');
  end if;
  return v_freed;
end;
$$;

comment on function jobs._unpark is
  'Put parked jobs in line, or let them wait for their time; returns how many there were.';
