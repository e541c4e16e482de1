create or replace function jobs._promote(p_limit integer)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
  v_floor    timestamptz := jobs._due_floor();
  v_promoted integer;
begin
  -- A clock that was set back is behind everything that was known.
  if v_floor >= jobs.clock() then
    v_floor := '-infinity';
  end if;
  if not exists (
    select from jobs.scheduled as s where s.run_at > v_floor and s.run_at <= jobs.clock()
  ) then
    return 0;
  end if;
  with due as materialized (
    select s.ctid as place
    from jobs.scheduled as s
    where s.run_at > v_floor and s.run_at <= jobs.clock()
    order by s.run_at
    limit p_limit
    for update skip locked
  ),
  moved as (
    delete from jobs.scheduled as s where s.ctid = any (array(select d.place from due as d))
    returning s.*
  )
  insert into jobs.ready (
    seq, job_id, run_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
  )
  select (jobs._new_ids(1))[1], m.job_id, m.run_id, m.run_at, m.run_no, m.failures, m.priority,
         m.is_unique, m.queue, m.kind, m.key
  from moved as m;
  get diagnostics v_promoted = row_count;
  if v_promoted > 0 then
    perform jobs._wake('');
  end if;
  return v_promoted;
end;
$$;

comment on function jobs._promote is
  'Make scheduled jobs ready whose time has come; returns how many.';
