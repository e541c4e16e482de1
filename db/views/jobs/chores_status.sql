create or replace view jobs.chores_status as
select c.chore, c.every, c.last_at, jobs.clock() - c.last_at as age, c.took, c.did, c.error
from jobs.chores as c;

comment on view jobs.chores_status is
  'What jobs.tick does now and then, and what of it failed the last time.';
comment on column jobs.chores_status.every is
  'The shortest time from one turn to the next; null is each tick, of which only failures are '
  'here.';
comment on column jobs.chores_status.took is 'How long the last turn took.';
comment on column jobs.chores_status.did is 'How many things it did then.';
comment on column jobs.chores_status.error is 'Why it failed then; null if it did not.';
grant select on jobs.chores_status to autom_worker, autom_operator, autom_reader;
