create or replace function jobs.alert_dead_jobs(p_bound double precision, p_span interval)
returns table (about text, said text, times bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select concat_ws(' ', k.kind, d.code),
         format('%s %s of kind %s died. The last: %s', count(*),
                case count(*) when 1 then 'job' else 'jobs' end, k.kind,
                left((array_agg(d.reason order by d.died_at desc))[1], 300)),
         count(*)
  from (
    select d.job_id, d.code, d.reason, d.died_at
    from jobs.dead_letters as d
    -- That a delivery failed is jobs.alert_deaf_channels's to say.
    where d.died_at > jobs.clock() - p_span and d.queue <> 'alerts'
    order by d.died_at desc
    limit 1000
  ) as d
  cross join lateral (
    select j.kind from jobs.jobs as j where j.job_id = d.job_id offset 0
  ) as k
  group by k.kind, d.code
  having count(*) > p_bound;
$$;

comment on function jobs.alert_dead_jobs is
  'Rule: more than p_bound jobs of a kind died of the same code within p_span and nobody retried
them.
It looks at the newest 1000.';
