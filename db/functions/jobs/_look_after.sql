create or replace function jobs._look_after(p_job_ids bigint[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ended bigint[] := array(
    select distinct w.parent_id
    from jobs.waits as w
    where w.job_id = any (p_job_ids) and w.state is null and jobs._ended(w.parent_id)
  );
begin
  perform jobs._resolve(v_ended, 5000);
  -- Those whose parents have all been written down, by transactions that did not see each other.
  perform jobs._resolve(jobs._decide(p_job_ids, null), 5000);
end;
$$;

comment on function jobs._look_after is
  'Let those of these parked jobs go on whose parents have ended, whoever missed it.';
