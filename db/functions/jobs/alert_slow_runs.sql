create or replace function jobs.alert_slow_runs(p_bound double precision, p_span interval)
returns table (about text, said text, times bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select l.name,
         format('Run %s of %s takes %s so far; usual is %s.', l.run_id, l.name,
                date_trunc('second', jobs.clock() - l.started_at), date_trunc('second', u.usual)),
         1
  from jobs.run_log as l
  cross join lateral (
    select percentile_cont(0.5) within group (order by e.took) as usual, count(*) as runs
    from (
      select e.finished_at - e.started_at as took
      from jobs.run_log as e
      where e.name = l.name and e.finished_at is not null and e.status in ('succeeded', 'partly')
      order by e.started_at desc
      limit 20
    ) as e
  ) as u
  where l.finished_at is null and u.runs >= 3
    and jobs.clock() - l.started_at > greatest(u.usual * p_bound, p_span)
    -- Jobs that were spread over hours on purpose make no run slow. A retry's wait is no purpose.
    and not exists (
      select from jobs.scheduled as s
      where s.run_id = l.run_id and s.failures = 0 and s.run_at > jobs.clock()
    );
$$;

comment on function jobs.alert_slow_runs is
  'Rule: a run of a schedule takes longer than p_bound times the median of its last 20, and longer
than p_span. Needs 3 runs that ended to know what is usual, and leaves alone a run with jobs that
were put off to a later time.';
