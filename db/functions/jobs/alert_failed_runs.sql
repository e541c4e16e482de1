create or replace function jobs.alert_failed_runs(p_bound double precision, p_span interval)
returns table (about text, said text, times bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select s.schedule,
         format('Run %s of %s %s: %s.', l.run_id, s.schedule,
                case l.status when 'failed' then 'failed' else 'failed in part' end,
                coalesce(left(l.error, 300), format('%s of its jobs died', l.failed))),
         greatest(l.failed, 1)
  from jobs.schedules as s
  cross join lateral (
    select l.* from jobs.run_log as l
    where l.name = s.schedule and l.finished_at is not null
    order by l.started_at desc
    limit 1
  ) as l
  where l.status in ('failed', 'partly') and l.failed >= p_bound
    and l.finished_at > jobs.clock() - p_span;
$$;

comment on function jobs.alert_failed_runs is
  'Rule: the last run of a schedule, ended within p_span, failed or failed in part, with at least '
  'p_bound dead jobs.';
