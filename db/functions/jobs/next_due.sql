create or replace function jobs.next_due(p_queues text[] default null)
returns timestamptz
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select min(d.due_at)
  from (
    select s.run_at as due_at
    from jobs.scheduled as s
    where p_queues is null or s.queue = any (p_queues)
    union all
    select a.until from jobs.awaits as a
    union all
    select h.until
    from jobs.held as h
    where h.until is not null and (p_queues is null or h.queue = any (p_queues))
      and exists (
        select from jobs.ready as r where r.queue = h.queue and (h.key is null or r.key = h.key)
      )
    union all
    -- When one more of the burst is earned.
    select b.at + make_interval(secs => (b.owed - (l.burst - 1)) / l.rate)
    from jobs.buckets as b
    cross join lateral (
      select l.rate, l.burst
      from jobs.limits as l
      where l.queue = b.queue and l.key in (b.key, '*') and b.key <> ''
      order by l.key = b.key desc
      limit 1
    ) as l
    where (p_queues is null or b.queue = any (p_queues))
      and exists (select from jobs.ready as r where r.queue = b.queue and r.key = b.key)
  ) as d
  where d.due_at > jobs.clock();
$$;

comment on function jobs.next_due is
  'When time alone next lets a job go on: its time comes, its wait for an event is over, or what
holds its key ends. Null where nothing waits for time. p_queues null is all; a wait for an event
counts whatever its queue.';
grant execute on function jobs.next_due to autom_worker, autom_operator;
