create or replace function jobs.tick()
returns table (part text, did integer, error text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now bigint := extract(epoch from clock_timestamp()) * 1000;
begin
  -- Whoever comes while another ticks has nothing to do.
  if not pg_try_advisory_xact_lock(79, 0) then
    return;
  end if;
  foreach part in array array['promote', 'fire', 'reap', 'end_runs', 'sweep', 'partitions'] loop
    error := null;
    did := 0;
    -- Each part by itself: one that fails must not stop the clock for the others.
    begin
      case part
        when 'promote' then did := jobs._promote(5000);
        when 'fire' then did := jobs._fire();
        when 'reap' then did := jobs.reap();
        when 'end_runs' then did := jobs._end_runs();
        when 'sweep' then did := jobs._sweep();
        when 'partitions' then did := jobs._make_partitions(3);
      end case;
    exception
      when others then
        error := format('%s (%s)', sqlerrm, sqlstate);
        raise warning 'jobs.tick: % failed: %', part, error;
    end;
    return next;
  end loop;
  perform setval('jobs.last_tick', v_now);
end;
$$;

comment on function jobs.tick is
  'The clock: make due jobs ready, fire schedules, take back what dead workers held, end runs, sweep,
make partitions ahead. Call it each second, from anywhere, as often as you like: two ticks at once are one.
Returns what each part did, and its error if it failed; nothing where another tick is under way.';
grant execute on function jobs.tick to autom_worker, autom_operator;
