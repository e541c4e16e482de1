create or replace function jobs._plan_roll_ups()
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_over    timestamptz := date_trunc('hour', jobs.clock() - interval '5 min', 'UTC');
  v_from    timestamptz;
  v_planned integer;
  -- Greater than any number drawn before; the xmax of a snapshot is not.
  v_xid     xid8 := pg_current_xact_id();
begin
  select max(r.hour) + interval '1 hour' from jobs.rolled_hours as r into v_from;
  if v_from is null then
    select date_trunc('hour', min(h.finished_at), 'UTC') from jobs.history as h into v_from;
  end if;
  insert into jobs.rolled_hours (hour, seen)
  select h.hour, v_xid
  from generate_series(v_from, v_over - interval '1 hour', interval '1 hour') as h (hour)
  limit 1000;

  -- A transaction that began within the hour may still add to it. Once all that were in flight when
  -- the hour was first seen to be over have ended, none can. After a restore into another cluster
  -- the numbers begin anew, and what was in flight is long gone.
  update jobs.rolled_hours as r
  set job_id = jobs.enqueue('jobs.roll_up', jsonb_build_object('hour', r.hour),
    p_unique_key => r.hour::text)
  where r.job_id is null and r.rolled_at is null
    and (r.seen <= pg_snapshot_xmin(pg_current_snapshot()) or r.seen > v_xid)
    and exists (
      select from jobs.history as h
      where h.finished_at >= r.hour and h.finished_at < r.hour + interval '1 hour'
    );
  get diagnostics v_planned = row_count;

  update jobs.rolled_hours as r
  set rolled_at = jobs.clock()
  where r.job_id is null and r.rolled_at is null
    and (r.seen <= pg_snapshot_xmin(pg_current_snapshot()) or r.seen > v_xid);
  return v_planned;
end;
$$;

comment on function jobs._plan_roll_ups is
  'Have each hour summed up by a job once it is over and nothing can be added to it; returns how '
  'many.';
