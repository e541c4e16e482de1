create or replace function jobs._lower_floor(p_queue text, p_seq bigint)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Until this transaction ends nobody raises it again.
  perform pg_advisory_xact_lock_shared(79, 1);
  if p_seq < jobs._floor(p_queue) then
    perform setval(to_regclass('jobs.floor_' || p_queue), p_seq >> 10);
  end if;
end;
$$;

comment on function jobs._lower_floor is
  'Have claims look from a place on that lies behind them: a job goes back there.';
