create or replace function jobs._check_floors()
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
  v_below record;
  v_found integer := 0;
begin
  for v_below in
    select q.queue, min(r.seq) as seq
    from jobs.queues as q
    cross join generate_series(0, 3) as b
    cross join lateral (
      select r.seq
      from jobs.ready as r
      -- seq > 0: as in jobs.claim.
      where r.queue = q.queue and r.priority = b and r.seq > 0
        and r.seq >> 10 < jobs._floor(q.queue) >> 10
      order by r.seq >> 10
      limit 1
    ) as r
    group by q.queue
  loop
    perform jobs._lower_floor(v_below.queue, v_below.seq);
    v_found := v_found + 1;
  end loop;
  if exists (select from jobs.scheduled as s where s.run_at <= jobs._due_floor()) then
    perform setval('jobs.due_floor', 0);
    v_found := v_found + 1;
  end if;
  if v_found > 0 then
    perform jobs._count('jobs.floors_lowered', v_found);
    perform jobs._wake('');
  end if;
  return v_found;
end;
$$;

comment on function jobs._check_floors is
  'Look for jobs below a floor, and lower it to them; returns how many floors were too high. A floor
saves work and is never trusted with a job: a restored dump, a clock set back or the numbers
beginning anew may leave one too high, until this finds it.';
