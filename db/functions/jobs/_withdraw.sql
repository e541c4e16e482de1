create or replace function jobs._withdraw(p_job_id bigint)
returns jobs.running
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job jobs.running;
begin
  v_job.job_id := p_job_id;
  v_job.settles := true;

  -- Jobs move from scheduled and parked to ready, not back: looked for in this order, one that
  -- moves meanwhile is still met. A claim that has it is waited for, and then it is gone.
  delete from jobs.scheduled as s where s.job_id = p_job_id
  returning s.run_id, s.run_no, s.failures, s.priority, s.is_unique, s.queue, s.kind, s.key
  into v_job.run_id, v_job.run_no, v_job.failures, v_job.priority, v_job.is_unique, v_job.queue,
       v_job.kind, v_job.key;
  if found then
    return v_job;
  end if;

  delete from jobs.parked as p where p.job_id = p_job_id
  returning p.run_id, p.run_no, p.failures, p.priority, p.is_unique, p.queue, p.kind, p.key
  into v_job.run_id, v_job.run_no, v_job.failures, v_job.priority, v_job.is_unique, v_job.queue,
       v_job.kind, v_job.key;
  if found then
    delete from jobs.waits as w where w.job_id = p_job_id and w.state is null;
    delete from jobs.awaits as a where a.job_id = p_job_id;
    return v_job;
  end if;

  delete from jobs.ready as r
  using jobs.jobs as j
  where j.job_id = p_job_id
    and r.queue = j.queue and r.priority = j.priority and r.key = j.key and r.seq = p_job_id
  returning r.run_id, r.run_no, r.failures, r.priority, r.is_unique, r.queue, r.kind, r.key
  into v_job.run_id, v_job.run_no, v_job.failures, v_job.priority, v_job.is_unique, v_job.queue,
       v_job.kind, v_job.key;
  if found then
    return v_job;
  end if;

  delete from jobs.ready as r where r.job_id = p_job_id and r.seq <> r.job_id
  returning r.run_id, r.run_no, r.failures, r.priority, r.is_unique, r.queue, r.kind, r.key
  into v_job.run_id, v_job.run_no, v_job.failures, v_job.priority, v_job.is_unique, v_job.queue,
       v_job.kind, v_job.key;
  if found then
    return v_job;
  end if;
  return null;
end;
$$;

comment on function jobs._withdraw is
  'Take a job that nobody runs out of its place; null if it is running or has ended.';
