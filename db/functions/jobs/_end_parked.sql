create or replace function jobs._end_parked(p_job_ids bigint[], p_states text[], p_whys text[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job   jobs.running;
  v_child record;
  v_run   bigint;
begin
  -- Whom else they waited for is kept, should they be retried.
  update jobs.waits as w
  set state = 'unknown'
  where w.job_id = any (p_job_ids) and w.state is null;
  -- Who has to be told is told one by one, for what is told may raise.
  for v_child in
    select n.job_id, n.state, n.why
    from unnest(p_job_ids, p_states, p_whys) as n (job_id, state, why)
    join jobs.jobs as j on j.job_id = n.job_id
    join jobs.kinds as k on k.kind = j.kind
    where k.settle is not null
    order by n.job_id
  loop
    v_job := jobs._withdraw(v_child.job_id);
    v_job.run_no := v_job.run_no + 1;
    perform jobs._finish(v_job, v_child.state, v_child.why, 'parent', p_propagate => false);
  end loop;

  for v_run in
    with gone as (
      delete from jobs.parked as p where p.job_id = any (p_job_ids) returning p.*
    ),
    kept as (
      insert into jobs.history (job_id, finished_at, run_no, failures, state, code, reason)
      select g.job_id, jobs.clock(), g.run_no + 1, g.failures, n.state, 'parent', n.why
      from gone as g
      join unnest(p_job_ids, p_states, p_whys) as n (job_id, state, why) on n.job_id = g.job_id
    )
    select distinct g.run_id from gone as g where g.run_id is not null order by g.run_id
  loop
    perform jobs._end_runs(v_run);
  end loop;
  perform jobs._free_unique_keys(p_job_ids);
end;
$$;

comment on function jobs._end_parked is
  'End jobs that wait for others and are locked: those whose kinds have settle functions as
jobs._finish does, the rest at once.';
