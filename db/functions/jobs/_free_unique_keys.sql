create or replace function jobs._free_unique_keys(p_job_ids bigint[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_freed integer;
begin
  -- A report waits for nobody, and so no two ever wait for each other: a key that somebody is about
  -- to take over is left to that one, and if that comes to nothing, to the next, or to jobs.tick.
  delete from jobs.unique_keys as u
  where u.ctid = any (array(
    select k.ctid from jobs.unique_keys as k
    where k.job_id = any (p_job_ids) and (k.until is null or k.until <= jobs.clock())
    for update skip locked
  ));
  get diagnostics v_freed = row_count;
  if v_freed < cardinality(p_job_ids) then
    insert into jobs.unfreed_keys (job_id)
    select u.job_id from jobs.unique_keys as u
    where u.job_id = any (p_job_ids) and (u.until is null or u.until <= jobs.clock())
    order by u.job_id
    on conflict (job_id) do nothing;
  end if;
end;
$$;

comment on function jobs._free_unique_keys is
  'Let go of the unique keys of jobs that end; those taken for a time stay until it is over.';
