create or replace function jobs._end_runs(p_run_id bigint default null)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ended integer;
begin
  -- Two last jobs that end at the same moment do not see each other's end: jobs.tick asks again.
  update jobs.run_log as l
  set finished_at = jobs.clock(),
      failed = d.dead,
      status = case
        when l.items = 0 and d.dead = 0 then 'skipped'
        when d.dead = 0 then 'succeeded'
        when d.dead < l.items then 'partly'
        else 'failed'
      end
  from jobs.run_log as o
  cross join lateral (
    select count(*) as dead
    from jobs.jobs as j
    join jobs.dead_letters as x on x.job_id = j.job_id
    where j.run_id = o.run_id
  ) as d
  where l.run_id = o.run_id
    and o.finished_at is null
    and o.returned_at is not null
    and (p_run_id is null or o.run_id = p_run_id)
    and not exists (select from jobs.ready as r where r.run_id = o.run_id)
    and not exists (select from jobs.running as r where r.run_id = o.run_id)
    and not exists (select from jobs.scheduled as s where s.run_id = o.run_id)
    and not exists (select from jobs.parked as p where p.run_id = o.run_id);
  get diagnostics v_ended = row_count;
  return v_ended;
end;
$$;

comment on function jobs._end_runs is
  'End the runs (or the one) whose function has returned and whose jobs have all ended; returns '
  'how many.';
