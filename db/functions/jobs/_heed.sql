create or replace function jobs._heed(p_job jobs.running, p_outcome jsonb)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_throttle jsonb := nullif(p_outcome -> 'throttle', 'null');
  v_cost     double precision := (v_throttle ->> 'cost')::double precision;
  v_left     double precision := (v_throttle ->> 'available')::double precision;
  v_seconds  double precision;
begin
  if p_job.key = '' then
    return;
  end if;
  if (p_outcome ->> 'pause_key')::boolean then
    v_seconds := coalesce((p_outcome ->> 'after')::double precision, 1);
  elsif v_left < 2 * v_cost then
    v_seconds := (2 * v_cost - v_left) / (v_throttle ->> 'restore_rate')::double precision;
  end if;
  if v_seconds > 0 then
    perform jobs.penalise(p_job.queue, p_job.key, jobs.clock() + make_interval(secs => v_seconds));
  end if;
end;
$$;

comment on function jobs._heed is
  'Do as the service asked: with pause_key nobody takes the key before "after" seconds; with less
than twice the cost of this call left, nobody takes it before that much is restored.';
