create or replace function jobs.alert_old_ready(p_bound double precision, p_span interval)
returns table (about text, said text, times bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select l.queue,
         format('The oldest ready job of queue %s has waited for %s; %s.', l.queue,
                date_trunc('second', max(jobs.clock() - l.oldest_at)),
                case when exists (
                  select from jobs.workers as w
                  where w.stopped_at is null and w.lease_until > jobs.clock()
                    and l.queue = any (w.queues)
                ) then 'its workers do not keep up' else 'no worker serves it' end),
         count(*)
  from jobs.lines as l
  where not l.held and l.oldest_at < jobs.clock() - make_interval(secs => p_bound) - p_span
  group by l.queue;
$$;

comment on function jobs.alert_old_ready is
  'Rule: in a queue, or for a key of it, that nobody and no service holds up, a job has been ready
for more than p_bound seconds and p_span. times is how many keys wait so.';
