create or replace function jobs.alert_slow_jobs(p_bound double precision, p_span interval)
returns table (about text, said text, times bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with usual as (
    -- What 95 of 100 runs stayed under. Twice the median would be every other picture.
    select h.kind, sum(h.run_p95 * (h.done + h.failed)) / sum(h.done + h.failed) as p95
    from jobs.history_hours as h
    where h.hour > jobs.clock() - interval '7 days' and h.run_p95 is not null
    group by h.kind
    having sum(h.done + h.failed) >= 20
  )
  select r.kind,
         format('%s %s of kind %s run for up to %s; usual is %s.', count(*),
                case count(*) when 1 then 'job' else 'jobs' end, r.kind,
                date_trunc('second', max(jobs.clock() - r.started_at)),
                date_trunc('milliseconds', max(u.p95))),
         count(*)
  from jobs.running as r
  join usual as u on u.kind = r.kind
  where r.queue <> 'alerts'
    and jobs.clock() - r.started_at > greatest(u.p95 * p_bound, p_span)
  group by r.kind;
$$;

comment on function jobs.alert_slow_jobs is
  'Rule: a job runs longer than p_bound times what 95 of 100 runs of its kind took in the last 7
days, and longer than p_span. Needs 20 runs to know what is usual.';
