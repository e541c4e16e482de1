create or replace function jobs._forget(p_before bigint, p_limit integer)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kept      bigint[];
  v_forgotten bigint[];
begin
  if not exists (select from jobs.jobs_default as j where j.job_id < p_before) then
    return 0;
  end if;
  v_kept := jobs._kept(0, p_before);
  v_forgotten := array(
    select j.job_id
    from jobs.jobs_default as j
    where j.job_id < p_before
      and not exists (select from unnest(v_kept) as k (job_id) where k.job_id = j.job_id)
    order by j.job_id
    limit p_limit
  );
  delete from jobs.effects_default as e where e.job_id = any (v_forgotten);
  delete from jobs.history_default as h where h.job_id = any (v_forgotten);
  delete from jobs.waits as w where w.job_id = any (v_forgotten);
  delete from jobs.steps as s where s.job_id = any (v_forgotten);
  delete from jobs.jobs_default as j where j.job_id = any (v_forgotten);
  return cardinality(v_forgotten);
end;
$$;

comment on function jobs._forget is
  'Delete ended jobs older than p_before that are in no day of their own; returns how many.';
