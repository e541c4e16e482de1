create or replace function jobs._wake(p_queue text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now bigint := extract(epoch from clock_timestamp()) * 1000;
begin
  -- A commit that notifies takes a lock on the whole database, so 200 a second are enough for all
  -- queues: a worker that was woken polls after 6 ms and finds what was left out here.
  -- A sequence, for a row would keep a dead version of each of them.
  if v_now - coalesce(pg_sequence_last_value('jobs.last_wake'), 0) not between 0 and 4 then
    perform setval('jobs.last_wake', v_now);
    perform pg_notify('jobs', p_queue);
  end if;
end;
$$;

comment on function jobs._wake is
  'Tell waiting workers that there is work in a queue, or in some (empty), at most every 5 ms.';
