create or replace function jobs._now()
returns timestamptz
language sql
volatile
as $$ select clock_timestamp() $$;

comment on function jobs._now is
  'The time at this very moment, where jobs.clock is when the statement began: whoever lets a job
wait asks whether it is due by now, for a statement that waited may be older than what is certain
of jobs._due_floor.';
