create or replace function jobs.tg_queues_count()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Without a bound, jobs without a key are not counted. Those that run are from here on, wherever
  -- the floor is; claims under way are waited for, and new ones find the queue closed until this
  -- is committed.
  perform pg_advisory_xact_lock(80, hashtext(new.queue));
  perform pg_advisory_xact_lock_shared(79, 1);
  perform setval(to_regclass('jobs.claim_floor_' || new.queue), 0);
  update jobs.running as r set counted = true where r.queue = new.queue and not r.counted;
  return null;
end;
$$;

comment on function jobs.tg_queues_count is
  'Have the jobs of a queue counted that gets a max_running.';

create or replace trigger queues_count
after update of max_running on jobs.queues
for each row
when (old.max_running is null and new.max_running is not null)
execute function jobs.tg_queues_count();
