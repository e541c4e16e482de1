create or replace function jobs._run(p_run_id bigint)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_function text;
  v_items    bigint;
  v_skipped  bigint;
  v_why      text;
  v_outside  bigint := nullif(current_setting('jobs.run_id', true), '')::bigint;
begin
  select s.function
  from jobs.run_log as l
  join jobs.schedules as s on s.schedule = l.name
  where l.run_id = p_run_id and l.returned_at is null
  for update of l
  into v_function;
  if not found then
    return;
  end if;

  perform jobs._enter_run(p_run_id);
  -- The function is another room's: whatever it raises is the outcome of the run, and undoes no
  -- more than what the function did.
  begin
    execute format(
      'select coalesce(sum(r.items), 0), coalesce(sum(r.skipped), 0), string_agg(r.why, ''; '')'
      ' from %I.%I($1) as r', split_part(v_function, '.', 1), split_part(v_function, '.', 2)
    )
    using p_run_id
    into v_items, v_skipped, v_why;
    update jobs.run_log as l
    set returned_at = jobs.clock(), items = v_items, skipped = v_skipped, why = v_why
    where l.run_id = p_run_id;
  exception
    when serialization_failure or deadlock_detected then
      raise;
    when others then
      update jobs.run_log as l
      set returned_at = jobs.clock(), finished_at = jobs.clock(), status = 'failed',
          error = format('%s (%s)', sqlerrm, sqlstate)
      where l.run_id = p_run_id;
  end;
  perform jobs._enter_run(v_outside);
  perform jobs._end_runs(p_run_id);
end;
$$;

comment on function jobs._run is 'Run the function of a run that has not run yet.';
