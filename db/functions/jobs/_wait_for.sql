create or replace function jobs._wait_for(p_job_ids bigint[], p_after bigint[], p_policy text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_unknown bigint;
begin
  perform jobs._refuse_policy(p_policy);
  select a.parent_id
  from unnest(p_after) as a (parent_id)
  where not exists (select from jobs.jobs as j where j.job_id = a.parent_id)
  limit 1
  into v_unknown;
  if found then
    raise exception using
      errcode = 'JQ009',
      message = 'There is no such job.',
      detail  = format('job_id=%s', v_unknown),
      hint    = 'p_after names jobs that are there already.';
  end if;
  insert into jobs.waits (job_id, parent_id, policy)
  select distinct p.job_id, a.parent_id, p_policy
  from jobs.parked as p
  cross join unnest(p_after) as a (parent_id)
  where p.job_id = any (p_job_ids);
  -- They may have ended before.
  perform jobs._look_after(p_job_ids);
end;
$$;

comment on function jobs._wait_for is
  'Have these new jobs wait for others. Raises JQ009 (one of them is not there), JQ037.';
