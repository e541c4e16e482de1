create or replace function jobs._room_in_queue(p_queue text, p_wanted integer)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_max integer;
begin
  select q.max_running
  from jobs.queues as q
  where q.queue = p_queue
    and not exists (
      select from jobs.pauses as p
      where p.queue = p_queue and p.key = '' and (p.until is null or p.until > jobs.clock())
    )
  into v_max;
  if not found then
    return 0;
  elsif v_max is null then
    return p_wanted;
  end if;
  -- Counting is right only while nobody else counts: whoever comes second leaves with nothing.
  if not pg_try_advisory_xact_lock(77, hashtext(p_queue)) then
    return 0;
  end if;
  -- A statement of its own, for only that sees what the last one to hold the lock has committed.
  return least(p_wanted, v_max - (select count(*) from jobs.running as r where r.queue = p_queue));
end;
$$;

comment on function jobs._room_in_queue is
  'How many of p_wanted jobs the queue as a whole lets through; none if it is paused.';
