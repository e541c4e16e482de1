create or replace function jobs.alert_missed_runs(p_bound double precision, p_span interval)
returns table (about text, said text, times bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select m.schedule,
         format('Schedule %s was due at %s UTC and has not run.', m.schedule,
                to_char(min(m.due) at time zone 'UTC', 'YYYY-MM-DD HH24:MI')),
         count(*)
  from (
    select s.schedule, s.next_at as due
    from jobs.schedules as s
    where s.enabled and s.next_at < jobs.clock() - p_span
    union all
    -- It was fired in time, but nobody has taken the job that runs it.
    select l.name, l.started_at
    from jobs.run_log as l
    where l.finished_at is null and l.returned_at is null and l.started_at < jobs.clock() - p_span
      and not exists (
        select from jobs.running as r
        join jobs.jobs as j on j.job_id = r.job_id
        where r.kind = 'jobs.run_schedule' and (j.payload ->> 'run_id')::bigint = l.run_id
      )
  ) as m
  group by m.schedule
  having count(*) > p_bound;
$$;

comment on function jobs.alert_missed_runs is
  'Rule: more than p_bound runs of a schedule were due longer than p_span ago, and its function has
not even begun.';
