create or replace function jobs.alert_unhandled_kinds(p_bound double precision, p_span interval)
returns table (about text, said text, times bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with alive as materialized (
    select w.kinds
    from jobs.workers as w
    where w.stopped_at is null and w.lease_until > jobs.clock()
  ),
  unhandled as materialized (
    select k.kind, k.queue
    from jobs.kinds as k
    where not k.in_sql and exists (select from alive as a)
      and not exists (select from alive as a where a.kinds is null or k.kind = any (a.kinds))
  ),
  waiting as materialized (
    select r.kind, r.ready_at as since
    from (select distinct u.queue from unhandled as u) as q
    cross join lateral (
      select r.kind, r.ready_at from jobs.ready as r where r.queue = q.queue limit 10001
    ) as r
    union all
    -- A worker had it, and could do nothing with it: it comes back soon.
    select s.kind, j.created_at
    from (
      select s.kind, s.job_id, s.why from jobs.scheduled as s
      where exists (select from unhandled as u)
      order by s.run_at
      limit 10001
    ) as s
    join jobs.jobs as j on j.job_id = s.job_id
    where s.why is not null
  )
  select w.kind,
         format('Jobs of the kind %s wait, and no worker that is alive has a handler for it.',
                w.kind),
         count(*)
  from waiting as w
  join unhandled as u on u.kind = w.kind
  where w.since < jobs.clock() - p_span
  group by w.kind
  having count(*) > p_bound;
$$;

comment on function jobs.alert_unhandled_kinds is
  'Rule: more than p_bound jobs of a kind have waited for longer than p_span, among the first
10,000 of its queue, and of the workers that are alive none has a handler for it.';
