create or replace function jobs.emit_event(p_event text, p_value jsonb default null)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_first boolean;
begin
  perform pg_advisory_xact_lock(80, hashtext(p_event));
  insert into jobs.events (event, value, emitted_at)
  values (p_event, p_value, jobs.clock())
  on conflict (event) do nothing;
  v_first := found;
  perform jobs._answer(array(select a.job_id from jobs.awaits as a where a.event = p_event));
  return v_first;
end;
$$;

comment on function jobs.emit_event is
  'Something happened: let go on whoever waits for it, now or within thirty days. The first value
stays; false where it was emitted before.';
grant execute on function jobs.emit_event to autom_worker, autom_operator;
