-- needs: jobs.queues_status, jobs.schedule_status
create or replace view jobs.metrics as
select 'jobs_ready' as metric, jsonb_build_object('queue', q.queue) as labels,
       q.ready::double precision as value
from jobs.queues_status as q
union all
select 'jobs_scheduled', jsonb_build_object('queue', q.queue),
  q.scheduled from jobs.queues_status as q
union all
select 'jobs_running', jsonb_build_object('queue', q.queue), q.running from jobs.queues_status as q
union all
select 'jobs_dead', jsonb_build_object('queue', q.queue), q.dead from jobs.queues_status as q
union all
select 'jobs_oldest_ready_seconds', jsonb_build_object('queue', q.queue),
       coalesce(extract(epoch from q.oldest_ready), 0)
from jobs.queues_status as q
union all
select 'jobs_paused_keys', jsonb_build_object('queue', q.queue), q.paused_keys + q.blocked_keys
from jobs.queues_status as q
union all
select 'jobs_workers', '{}', count(*)
from jobs.workers as w
where w.stopped_at is null and w.lease_until > jobs.clock()
union all
select 'jobs_tick_age_seconds', '{}',
       extract(epoch from jobs.clock()) - t.last_value / 1000.0
from jobs.last_tick as t
union all
select 'jobs_schedule_late_seconds', jsonb_build_object('schedule', s.schedule),
       coalesce(extract(epoch from s.late), 0)
from jobs.schedule_status as s;

comment on view jobs.metrics is
  'Figures to watch, one a row, in the units that their names end with.';
comment on column jobs.metrics.labels is 'What the figure is of: an object of names and values.';
grant select on jobs.metrics to autom_worker, autom_operator, autom_reader;
