create or replace function jobs.alert_repeated_errors(p_bound double precision, p_span interval)
returns table (about text, said text, times bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select concat_ws(' ', k.kind, h.code, left(jobs._gist(h.reason), 60)),
         format('%s runs of kind %s failed alike: %s', count(*), k.kind,
                left((array_agg(h.reason order by h.finished_at desc))[1], 300)),
         count(*)
  from (
    select h.job_id, h.code, h.reason, h.finished_at
    from jobs.history as h
    where h.finished_at > jobs.clock() - p_span
      and h.state in ('failed', 'unknown', 'retry', 'lost')
    order by h.finished_at desc
    limit 5000
  ) as h
  cross join lateral (
    select j.kind, j.queue from jobs.jobs as j where j.job_id = h.job_id offset 0
  ) as k
  where k.queue <> 'alerts'
  group by k.kind, h.code, jobs._gist(h.reason)
  having count(*) >= p_bound;
$$;

comment on function jobs.alert_repeated_errors is
  'Rule: at least p_bound runs of a kind failed with the same words within p_span. It looks at '
  'the newest 5000.';
