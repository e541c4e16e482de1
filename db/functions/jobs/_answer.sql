create or replace function jobs._answer(p_job_ids bigint[])
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_locked bigint[];
  v_told   bigint[];
begin
  -- Only who goes on is locked. Somebody cancels one just now, or answers it too: jobs.tick comes
  -- again.
  v_locked := array(
    select p.job_id from jobs.parked as p
    join jobs.awaits as a on a.job_id = p.job_id
    where p.job_id = any (p_job_ids)
      and (a.until <= jobs.clock() or exists (select from jobs.events as e where e.event = a.event))
    order by p.job_id
    for update of p skip locked
  );
  with told as (
    delete from jobs.awaits as a
    where a.job_id = any (v_locked)
      and (a.until <= jobs.clock() or exists (select from jobs.events as e where e.event = a.event))
    returning a.job_id, a.event
  ),
  kept as (
    insert into jobs.steps (job_id, step, begun_at, done_at, value)
    select t.job_id, 'event:' || t.event, jobs.clock(), jobs.clock(),
           case when e.event is null then jsonb_build_object('state', 'timed out')
                else jsonb_build_object('state', 'here', 'value', e.value) end
    from told as t
    left join jobs.events as e on e.event = t.event
  )
  select coalesce(array_agg(t.job_id), array[]::bigint[]) from told as t into v_told;
  return jobs._unpark(v_told);
end;
$$;

comment on function jobs._answer is
  'Let those of these jobs go on whose event has come or whose time is over; returns how many.';
