create or replace procedure jobs.tick_for_a_minute()
language plpgsql
-- No search_path of its own, for a procedure with settings may not commit.
as $$
declare
  -- A little early, so that the next minute's call never finds this one still at it.
  v_end constant timestamptz := pg_catalog.clock_timestamp() + interval '58 s';
begin
  loop
    perform jobs.tick();
    commit;
    exit when pg_catalog.clock_timestamp() >= v_end;
    perform pg_catalog.pg_sleep(1);
  end loop;
end;
$$;

comment on procedure jobs.tick_for_a_minute is
  'Tick each second for most of a minute, each time in a transaction of its own: for a clock '
  'whose smallest step is a minute, as pg_cron''s is before 1.5.';
grant execute on procedure jobs.tick_for_a_minute to autom_worker, autom_operator;
