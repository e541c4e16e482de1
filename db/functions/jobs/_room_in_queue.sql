create or replace function jobs._room_in_queue(
  p_queue  text,
  p_wanted integer,
  out room integer,
  out bounded boolean,
  out owed double precision,
  out bucket bigint
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
    and not exists (
      select from jobs.rests as r
      where r.queue = p_queue and r.key = '' and r.until > jobs.clock()
    )
  into v_queue;
  if not found then
    room := 0;
    return;
  end if;
  room := p_wanted;
  bounded := v_queue.max_running is not null;
  if not bounded and v_queue.rate is null then
    return;
  end if;
  -- Counting is right only while nobody else counts.
  if not jobs._only_one(p_queue) then
    room := 0;
    return;
  end if;
  -- Statements of their own, for only they see what the last one to hold the lock has committed.
  if bounded then
    room := least(room, v_queue.max_running - (
      select count(*)
      from jobs.running as r
      where r.queue = p_queue and r.counted and r.claim_no >= jobs._claim_floor(p_queue)
    ));
  end if;
  if v_queue.rate is not null then
    select b.owed - v_queue.rate * extract(epoch from jobs.clock() - b.at), b.claim_no
    from jobs.buckets as b
    where b.queue = p_queue and b.key = ''
    order by b.claim_no desc
    limit 1
    into owed, bucket;
    owed := greatest(0, owed);
    room := least(room, floor(v_queue.burst + 1e-6 - owed)::integer);
  end if;
end;
$$;

comment on function jobs._room_in_queue is
  'How many of p_wanted jobs the queue as a whole lets through, none if it is paused.
bounded: it has a max_running. owed: jobs that its rate let through and has not yet earned, null
where it has none; bucket: where that is written.';
