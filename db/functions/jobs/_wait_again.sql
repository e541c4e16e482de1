create or replace function jobs._wait_again(p_job_id bigint)
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into jobs.parked (
    job_id, run_id, parked_at, run_no, failures, priority, is_unique, queue, kind, key, why
  )
  select j.job_id, j.run_id, jobs.clock(), max(h.run_no), 0, j.priority, j.unique_key is not null,
         j.queue, j.kind, j.key, 'Waits for its parents again.'
  from jobs.jobs as j
  join jobs.history as h on h.job_id = j.job_id
  where j.job_id = p_job_id
  group by j.job_id;
  update jobs.waits as w set state = null where w.job_id = p_job_id;
  perform jobs._look_after(array[p_job_id]);
  return (select w.state from jobs.whereabouts as w where w.job_id = p_job_id);
end;
$$;

comment on function jobs._wait_again is
  'Have a job that fell with a parent wait for all its parents again; returns how it stands.';
