create or replace function jobs._is_worker_lost()
returns boolean
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from jobs.workers as w where w.stopped_at is null and w.lease_until < jobs.clock()
  );
$$;

comment on function jobs._is_worker_lost is 'The lease of a worker has run out.';
