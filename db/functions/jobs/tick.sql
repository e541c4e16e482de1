create or replace function jobs.tick(p_parts text[] default null)
returns table (part text, did integer, error text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
-- A part that meets a lock of somebody's (a table being altered, a dump) gives up and comes again:
-- the clock must not stand still because one rule cannot read one table.
set lock_timeout = '100ms'
as $$
declare
  v_began timestamptz := clock_timestamp();
  v_turn  timestamptz;
begin
  -- Whoever comes while another ticks has nothing to do.
  if not pg_try_advisory_xact_lock(79, 0) then
    return;
  end if;
  foreach part in array array[
    'floors', 'promote', 'fire', 'reap', 'rounds', 'end_runs', 'sweep', 'overdue', 'floor_check',
    'alerts', 'rollups', 'partitions', 'retention'
  ] loop
    continue when part <> all (p_parts) or not jobs._is_due(part);
    error := null;
    did := 0;
    v_turn := clock_timestamp();
    -- Each part by itself: one that fails must not stop the clock for the others.
    begin
      case part
        -- First, before anything is written.
        when 'floors' then did := jobs._raise_floors();
        when 'promote' then did := jobs._promote(5000);
        when 'fire' then did := jobs._fire();
        when 'reap' then
          -- To look for what is late takes the whole table: each second only where one is lost.
          did := case when jobs._is_worker_lost() then jobs.reap(5000) else 0 end;
        when 'overdue' then did := jobs.reap(5000);
        when 'floor_check' then did := jobs._check_floors();
        when 'rounds' then did := jobs._make_rounds(5000);
        when 'end_runs' then did := jobs._end_runs();
        when 'sweep' then did := jobs._sweep();
        when 'alerts' then did := jobs._watch();
        when 'rollups' then did := jobs._plan_roll_ups();
        -- Last, for the locks of a day that comes or goes are held until the end.
        when 'partitions' then did := jobs._make_partitions(3);
        when 'retention' then did := jobs._retain();
      end case;
    exception
      when others then
        error := format('%s (%s)', sqlerrm, sqlstate);
        raise warning 'jobs.tick: % failed: %', part, error;
    end;
    perform jobs._note_chore(part, v_turn, did, error);
    return next;
  end loop;
  if p_parts is null then
    perform setval('jobs.last_tick', (extract(epoch from v_began) * 1000)::bigint);
    perform setval(
      'jobs.tick_took', (extract(epoch from clock_timestamp() - v_began) * 1e6)::bigint
    );
  end if;
end;
$$;

comment on function jobs.tick is
  'The clock: make due jobs ready, fire schedules, take back what dead workers held, end runs,
sweep; and, as often as jobs.chores says, make partitions ahead, look for what is worth an alert,
have hours summed up, drop what is kept no longer. Call it each second, from anywhere, as often as
you like: two ticks at once are one. No part waits longer than 100 ms for a lock. p_parts: only
these of what it does; that does not count as a tick.
Returns what each part did, and its error if it failed; nothing where another tick is under way.';
grant execute on function jobs.tick to autom_worker, autom_operator;
