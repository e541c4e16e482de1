create or replace view jobs.lines as
with recursive heads as (
  select q.queue, b.priority, h.key, h.ready_at, 1 as place
  from jobs.queues as q
  cross join generate_series(0, 3) as b (priority)
  cross join lateral (
    select r.key, r.ready_at
    from jobs.ready as r
    where r.queue = q.queue and r.priority = b.priority
    order by r.key, r.seq
    limit 1
  ) as h
  union all
  -- From one key straight to the next: the cost is that of the keys, not of the jobs.
  select p.queue, p.priority, h.key, h.ready_at, p.place + 1
  from heads as p
  cross join lateral (
    select r.key, r.ready_at
    from jobs.ready as r
    where r.queue = p.queue and r.priority = p.priority and r.key > p.key
    order by r.key, r.seq
    limit 1
  ) as h
  where p.place < 1000
)
select h.queue, h.priority, h.key, h.ready_at as oldest_at,
       exists (
         select from jobs.pauses as p
         where p.queue = h.queue and p.key in ('', h.key)
           and (p.until is null or p.until > jobs.clock())
       ) or exists (
         select from jobs.rests as r
         where r.queue = h.queue and r.key in ('', h.key) and r.until > jobs.clock()
       ) as held
from heads as h;

comment on view jobs.lines is
  'The first ready job of each key, by queue and priority: the first 1000 keys of each.';
comment on column jobs.lines.key is 'Empty is the line of jobs without a key.';
comment on column jobs.lines.oldest_at is 'Since when the first in line is ready.';
comment on column jobs.lines.held is 'A person or a service holds it up: see jobs.held.';
grant select on jobs.lines to autom_worker, autom_operator, autom_reader;
