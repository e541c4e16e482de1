create or replace function jobs.poll(p_queues text[])
returns table (ticked boolean, queues text[])
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
begin
  ticked := false;
  if extract(epoch from clock_timestamp()) * 1000
    - coalesce(pg_sequence_last_value('jobs.last_tick'), 0) >= 1000
  then
    perform jobs.tick();
    ticked := found;
  end if;
  queues := array(
    select q.queue
    from unnest(p_queues) as q (queue)
    -- With a limit, for an exists may be made a join that reads all queues.
    cross join lateral (
      select
      from generate_series(0, 3) as b
      cross join lateral (
        select from jobs.ready as r
        -- seq > 0: as in jobs.claim.
        where r.queue = q.queue and r.priority = b and r.seq > 0
          and r.seq >> 10 >= jobs._floor(q.queue) >> 10
        -- In this order, or the planner may take the other index.
        order by r.seq >> 10
        limit 1
      ) as r
      limit 1
    ) as r
  );
  return next;
end;
$$;

comment on function jobs.poll is
  'What an idle worker asks now and then: queues are those of p_queues with ready jobs. Ticks if
nobody has in the last second; whoever ticked comes again in a second, so that one worker of many
is the clock.';
grant execute on function jobs.poll to autom_worker, autom_operator;
