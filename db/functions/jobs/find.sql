create or replace function jobs.find(
  p_state  text[] default null,
  p_kind   text default null,
  p_queue  text default null,
  p_key    text default null,
  p_tenant uuid default null,
  p_run_id bigint default null,
  p_before bigint default null,
  p_limit  integer default 50
)
returns table (
  job_id bigint, kind text, state text, queue text, key text, tenant uuid, priority smallint,
  runs integer, failures smallint, max_attempts integer, since timestamptz, worker text, code text,
  why text, dead boolean, run_id bigint, created_at timestamptz, payload jsonb
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- Each question gets a plan of its own, in which what it does not ask for is gone.
set plan_cache_mode = force_custom_plan
as $$
begin
  return query
  with fits as (
    -- Each place where a state can be is asked by itself, and only if that state is asked for.
    (
      select w.job_id
      from jobs.whereabouts as w
      where p_state is null
        and (p_kind is null or w.kind = p_kind)
        and (p_queue is null or w.queue = p_queue)
        and (p_key is null or w.key = p_key)
        and (p_tenant is null or w.tenant = p_tenant)
        and (p_run_id is null or w.run_id = p_run_id)
        and (p_before is null or w.job_id < p_before)
      order by w.job_id desc
      limit p_limit
    )
    union
    (
      select a.job_id
      from jobs.active as a
      where a.state = any (p_state)
        and (p_kind is null or a.kind = p_kind)
        and (p_queue is null or a.queue = p_queue)
        and (p_key is null or a.key = p_key)
        and (p_tenant is null or a.tenant = p_tenant)
        and (p_run_id is null or a.run_id = p_run_id)
        and (p_before is null or a.job_id < p_before)
      order by a.job_id desc
      limit p_limit
    )
    union
    (
      select d.job_id
      from jobs.dead as d
      where 'dead' = any (p_state)
        and (p_kind is null or d.kind = p_kind)
        and (p_queue is null or d.queue = p_queue)
        and (p_key is null or d.key = p_key)
        and (p_tenant is null or d.tenant = p_tenant)
        and (p_run_id is null or d.run_id = p_run_id)
        and (p_before is null or d.job_id < p_before)
      order by d.job_id desc
      limit p_limit
    )
    union
    (
      select f.job_id
      from jobs.finished as f
      where f.state = any (p_state)
        and (p_kind is null or f.kind = p_kind)
        and (p_queue is null or f.queue = p_queue)
        and (p_key is null or f.key = p_key)
        and (p_tenant is null or f.tenant = p_tenant)
        and (p_run_id is null or f.run_id = p_run_id)
        and (p_before is null or f.job_id < p_before)
      order by f.job_id desc
      limit p_limit
    )
  )
  select w.job_id, w.kind, w.state, w.queue, w.key, w.tenant, w.priority, w.runs, w.failures,
         w.max_attempts, w.since, w.worker, w.code, w.why, w.dead, w.run_id, w.created_at, w.payload
  from fits as f
  join jobs.whereabouts as w on w.job_id = f.job_id
  -- A retried job has ended before, and is somewhere else now.
  where p_state is null or w.state = any (p_state) or (w.dead and 'dead' = any (p_state))
  order by w.job_id desc
  limit p_limit;
end;
$$;

comment on function jobs.find is
  'The newest jobs that fit, as jobs.whereabouts shows them. States: ready, scheduled, parked,
running, cancelling, done, failed, skipped, cancelled, unknown; dead is failed or unknown and not
retried.
p_before is a job_id: the last one seen asks for the page after it. Null asks for all.
select job_id, kind, why from jobs.find(p_state => ''{dead}'', p_kind => ''shops.draw_design'');';
grant execute on function jobs.find to autom_worker, autom_operator, autom_reader;
