create or replace function jobs.discard_dead(
  p_kind       text default null,
  p_queue      text default null,
  p_reason     text default null,
  p_older_than interval default null,
  p_limit      integer default 1000,
  p_dry_run    boolean default false,
  p_key        text default null,
  p_tenant     uuid default null
)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
-- Each question gets a plan of its own, in which what it does not ask for is gone.
set plan_cache_mode = force_custom_plan
as $$
declare
  v_dead bigint[] := array(
    select d.job_id
    from jobs._find_dead(p_kind, p_queue, p_reason, p_key, p_tenant) as f
    join jobs.dead_letters as d on d.job_id = f.job_id
    where (p_older_than is null or d.died_at < jobs.clock() - p_older_than)
      -- The end of a run counts its dead.
      and not exists (
        select from jobs.run_log as o where o.run_id = f.run_id and o.finished_at is null
      )
    order by d.job_id
    limit p_limit
    -- Somebody retries one of them just now: it is not ours.
    for update of d skip locked
  );
begin
  if not p_dry_run then
    delete from jobs.dead_letters as d where d.job_id = any (v_dead);
  end if;
  return cardinality(v_dead);
end;
$$;

comment on function jobs.discard_dead is
  'Let go of dead jobs, the oldest first: those of a kind, of a queue, of a key, of a tenant, whose
reason is like p_reason, that died longer ago than p_older_than; null asks for all. p_limit at most,
null all; those of a run that has not ended stay. Returns how many. p_dry_run: the same, and nothing
is changed. See jobs.discard.
select jobs.discard_dead(p_kind => ''shops.draw_design'', p_older_than => ''30 days'');';
grant execute on function jobs.discard_dead to autom_operator;
