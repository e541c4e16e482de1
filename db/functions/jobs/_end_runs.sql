create or replace function jobs._end_runs(p_run_id bigint default null)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_over  bigint[];
  v_run   record;
  v_ended integer := 0;
begin
  -- Two last jobs that end at the same moment do not see each other's end: jobs.tick asks again.
  v_over := array(
    select o.run_id
    from jobs.run_log as o
    where o.finished_at is null
      and o.returned_at is not null
      and (p_run_id is null or o.run_id = p_run_id)
      and not exists (select from jobs.ready as r where r.run_id = o.run_id)
      and not exists (select from jobs.running as r where r.run_id = o.run_id)
      and not exists (select from jobs.scheduled as s where s.run_id = o.run_id)
      and not exists (select from jobs.parked as p where p.run_id = o.run_id)
  );
  -- By itself: to count the jobs of a run at each end of one of them would take for ever.
  for v_run in
    update jobs.run_log as l
    set finished_at = jobs.clock(),
        failed = d.dead,
        status = case
          when l.items = 0 and d.dead = 0 then 'skipped'
          when d.dead = 0 then 'succeeded'
          when d.dead < l.items then 'partly'
          else 'failed'
        end
    from unnest(v_over) as o (run_id)
    cross join lateral (
      select count(*) as dead
      from jobs.jobs as j
      join jobs.dead_letters as x on x.job_id = j.job_id
      where j.run_id = o.run_id
    ) as d
    where l.run_id = o.run_id and l.finished_at is null
    returning l.*
  loop
    v_ended := v_ended + 1;
    if v_run.final_policy = 'on_any' or v_run.final_policy = 'on_success' and v_run.failed = 0
      or v_run.final_policy = 'on_failure' and v_run.failed > 0
    then
      perform jobs._enqueue_final(v_run.run_id, v_run.final_kind, v_run.final_payload);
    end if;
  end loop;
  return v_ended;
end;
$$;

comment on function jobs._end_runs is
  'End the runs (or the one) whose function has returned, or the batches that are closed, and whose
jobs have all ended; returns how many. The final job of a batch is enqueued with its end.';
