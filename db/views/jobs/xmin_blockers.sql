create or replace view jobs.xmin_blockers as
select h.held_by, h.what, h.xmin, h.since, clock_timestamp() - h.since as age
from jobs._horizon() as h;

comment on view jobs.xmin_blockers is
  'Who keeps vacuum from cleaning up: each one that holds an old snapshot, the oldest transaction '
  'number first by age(xmin). Whoever is at the top for long makes the queue''s tables grow.';
comment on column jobs.xmin_blockers.held_by is
  'backend 123 (a process), slot name (a replication slot), prepared gid (a prepared transaction).';
comment on column jobs.xmin_blockers.what is 'Who that is, in words.';
comment on column jobs.xmin_blockers.xmin is
  'The oldest transaction that it may still want to see.';
comment on column jobs.xmin_blockers.since is
  'When its transaction began; null where that is not known, as of a slot.';
comment on column jobs.xmin_blockers.age is 'How long ago that was.';
grant select on jobs.xmin_blockers to autom_worker, autom_operator, autom_reader;
