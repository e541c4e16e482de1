create or replace view jobs.work as
select k.kind, k.queue, q.concurrency, k.prepare is null and k.settle is null as in_bulk, k.in_sql,
       k.timeout
from jobs.kinds as k
join jobs.queues as q on q.queue = k.queue;

comment on view jobs.work is 'What a worker has to know about each kind of job.';
comment on column jobs.work.concurrency is 'Jobs of the whole queue that one worker works at once.';
comment on column jobs.work.in_bulk is
  'The kind neither prepares nor settles: its payload is the request, and jobs.complete_many ends '
  'it.';
comment on column jobs.work.timeout is 'How long one call may take before the worker stops it.';
comment on column jobs.work.in_sql is 'Its prepare function is all of the work.';
grant select on jobs.work to autom_worker, autom_operator, autom_reader;
