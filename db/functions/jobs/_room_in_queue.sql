create or replace function jobs._room_in_queue(
  p_queue  text,
  p_wanted integer,
  out room integer,
  out rate double precision
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_queue jobs.queues;
begin
  select q.*
  from jobs.queues as q
  where q.queue = p_queue
    and not exists (
      select from jobs.pauses as p
      where p.queue = p_queue and p.key = '' and (p.until is null or p.until > jobs.clock())
    )
  into v_queue;
  if not found then
    room := 0;
    return;
  end if;
  room := p_wanted;
  rate := v_queue.rate;
  if v_queue.max_running is null and rate is null then
    return;
  end if;
  -- Counting is right only while nobody else counts: whoever comes second leaves with nothing.
  if not pg_try_advisory_xact_lock(77, hashtext(p_queue)) then
    room := 0;
    return;
  end if;
  -- Statements of their own, for only they see what the last one to hold the lock has committed.
  if v_queue.max_running is not null then
    room := least(
      room,
      v_queue.max_running - (select count(*) from jobs.running as r where r.queue = p_queue)
    );
  end if;
  if rate is not null then
    room := least(room, floor(v_queue.burst + 1e-6 - coalesce((
      select v_queue.rate * greatest(0, extract(epoch from b.tat - jobs.clock()))
      from jobs.buckets as b
      where b.queue = p_queue and b.key = ''
    ), 0))::integer);
  end if;
end;
$$;

comment on function jobs._room_in_queue is
  'How many of p_wanted jobs the queue as a whole lets through, none if it is paused; and the rate
that they pay for, null where there is none.';
