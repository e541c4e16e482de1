-- needs: jobs.lines, jobs.schedule_status, jobs.xmin_blockers
create or replace view jobs.metrics as
select 'jobs_ready' as metric, jsonb_build_object('queue', q.queue) as labels,
       c.ready::double precision as value
from jobs.queues as q
cross join lateral (
  select count(*) as ready
  from (select from jobs.ready as r where r.queue = q.queue limit 10001) as r
) as c
union all
select 'jobs_scheduled', jsonb_build_object('queue', q.queue), count(s.queue)
from jobs.queues as q
left join (select s.queue from jobs.scheduled as s limit 10001) as s on s.queue = q.queue
group by q.queue
union all
select 'jobs_running', jsonb_build_object('queue', q.queue), count(r.queue)
from jobs.queues as q
left join jobs.running as r on r.queue = q.queue
group by q.queue
union all
select 'jobs_dead', jsonb_build_object('queue', q.queue), count(d.queue)
from jobs.queues as q
left join (select d.queue from jobs.dead_letters as d limit 10001) as d on d.queue = q.queue
group by q.queue
union all
select 'jobs_oldest_ready_seconds', jsonb_build_object('queue', q.queue, 'priority', b.priority),
       coalesce(extract(epoch from jobs.clock() - min(l.oldest_at)), 0)
from jobs.queues as q
cross join generate_series(0, 3) as b (priority)
left join jobs.lines as l on l.queue = q.queue and l.priority = b.priority
group by q.queue, b.priority
union all
select 'jobs_paused_keys', jsonb_build_object('queue', q.queue), count(h.queue)
from jobs.queues as q
left join jobs.held as h on h.queue = q.queue and h.key is not null
group by q.queue
union all
select 'jobs_workers', '{}', count(*)
from jobs.workers as w
where w.stopped_at is null and w.lease_until > jobs.clock()
union all
select 'jobs_deaf_workers', '{}', count(*)
from jobs.workers as w
where w.stopped_at is null and w.lease_until > jobs.clock() and not w.hears
union all
select 'jobs_tick_age_seconds', '{}',
       extract(epoch from jobs.clock()) - t.last_value / 1000.0
from jobs.last_tick as t
union all
select 'jobs_tick_seconds', '{}', t.last_value / 1e6 from jobs.tick_took as t
union all
select 'jobs_schedule_late_seconds', jsonb_build_object('schedule', s.schedule),
       coalesce(extract(epoch from s.late), 0)
from jobs.schedule_status as s
union all
select 'jobs_alerts', jsonb_build_object('severity', s.severity), count(a.alert_id)
from (values ('info'), ('warning'), ('critical')) as s (severity)
left join jobs.alerts as a on a.severity = s.severity and a.resolved_at is null
group by s.severity
union all
select 'jobs_xmin_age_seconds', jsonb_build_object('held_by', k.kind),
       coalesce(extract(epoch from max(b.age)), 0)
from (values ('backend'), ('prepared')) as k (kind)
left join jobs.xmin_blockers as b on split_part(b.held_by, ' ', 1) = k.kind
group by k.kind
union all
select 'jobs_xmin_age_transactions', jsonb_build_object('held_by', k.kind),
       coalesce(max(age(b.xmin)), 0)
from (values ('backend'), ('slot'), ('prepared')) as k (kind)
left join jobs.xmin_blockers as b on split_part(b.held_by, ' ', 1) = k.kind
group by k.kind
union all
select 'jobs_dead_rows', jsonb_build_object('table', t.relname), t.n_dead_tup
from pg_catalog.pg_stat_all_tables as t
where t.schemaname = 'jobs'
  and t.relname in ('ready', 'scheduled', 'parked', 'running', 'unique_keys', 'buckets', 'workers')
union all
select c.metric, '{}', c.last_value - (not c.is_called)::integer
from (
  select 'jobs_lost_leases_total' as metric, s.last_value, s.is_called from jobs.lost_leases as s
  union all
  select 'jobs_reaped_total', s.last_value, s.is_called from jobs.reaped_jobs as s
  union all
  select 'jobs_stale_reports_total', s.last_value, s.is_called from jobs.stale_reports as s
  union all
  select 'jobs_retried_runs_total', s.last_value, s.is_called from jobs.retried_runs as s
  union all
  select 'jobs_died_total', s.last_value, s.is_called from jobs.dead_jobs as s
  union all
  select 'jobs_denied_keys_total', s.last_value, s.is_called from jobs.denied_keys as s
  union all
  select 'jobs_floors_lowered_total', s.last_value, s.is_called from jobs.floors_lowered as s
) as c;

comment on view jobs.metrics is
  'Figures to watch, one a row, in the units that their names end with; jobs.metric_names says '
  'what each is. Its cost does not grow with the jobs that wait.';
comment on column jobs.metrics.labels is 'What the figure is of: an object of names and values.';
grant select on jobs.metrics to autom_worker, autom_operator, autom_reader;
