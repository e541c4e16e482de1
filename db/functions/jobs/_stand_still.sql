create or replace function jobs._stand_still(p_job_ids bigint[], p_claimed boolean default false)
returns bigint[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_some  bigint[];
  v_still bigint[] := array[]::bigint[];
begin
  -- A statement for each place, in the order in which jobs move: what moves meanwhile is still met.
  -- A claim that is under way is waited for, and then the job is gone.
  select array_agg(w.job_id)
  from (
    select s.job_id from jobs.scheduled as s
    where s.job_id = any (p_job_ids)
      and (s.run_no = 0 or p_claimed and not jobs._has_begun(s.job_id))
    order by s.job_id
    for share
  ) as w
  into v_some;
  v_still := v_still || v_some;

  select array_agg(w.job_id)
  from (
    select p.job_id from jobs.parked as p
    where p.job_id = any (p_job_ids)
      and (p.run_no = 0 or p_claimed and not jobs._has_begun(p.job_id))
    order by p.job_id
    for share
  ) as w
  into v_some;
  v_still := v_still || v_some;

  select array_agg(w.job_id)
  from (
    select r.job_id
    from unnest(p_job_ids) as n (job_id)
    cross join lateral (select j.* from jobs.jobs as j where j.job_id = n.job_id offset 0) as j
    join jobs.ready as r
      on r.queue = j.queue and r.priority = j.priority and r.key = j.key and r.seq = j.job_id
    where r.run_no = 0 or p_claimed and not jobs._has_begun(r.job_id)
    order by r.job_id
    for share of r
  ) as w
  into v_some;
  v_still := v_still || v_some;

  select array_agg(w.job_id)
  from (
    select r.job_id from jobs.ready as r
    where r.job_id = any (p_job_ids) and r.seq <> r.job_id
      and (r.run_no = 0 or p_claimed and not jobs._has_begun(r.job_id))
    order by r.job_id
    for share
  ) as w
  into v_some;
  return v_still || v_some;
end;
$$;

comment on function jobs._stand_still is
  'Lock those of the jobs that wait where they are, so that nobody claims or moves them before this
transaction ends; returns which. p_claimed: also those that were claimed before and
came back, unless they have begun their work.';
