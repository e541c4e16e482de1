create or replace function jobs._revive(p_job_id bigint, p_run_at timestamptz)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job        jobs.running;
  v_unique_key text;
  v_holder     bigint;
begin
  select j.job_id, j.run_id, d.run_no, 0, j.priority, j.unique_key is not null, j.queue, j.kind,
         j.key, j.unique_key
  from jobs.dead_letters as d
  join jobs.jobs as j on j.job_id = d.job_id
  where d.job_id = p_job_id
  into v_job.job_id, v_job.run_id, v_job.run_no, v_job.failures, v_job.priority, v_job.is_unique,
       v_job.queue, v_job.kind, v_job.key, v_unique_key;
  if v_job.is_unique then
    -- It let go of its key when it died; somebody else may have it now.
    v_holder := (jobs._take_unique_keys(
      v_job.kind, array[p_job_id], array[v_unique_key], 'ignore', null, 'finished', null
    ))[1];
    if v_holder <> p_job_id then
      return v_holder;
    end if;
  end if;
  delete from jobs.dead_letters as d where d.job_id = p_job_id;
  perform jobs._put_in_line(v_job, p_run_at, 'Retried after its death.');
  return null;
end;
$$;

comment on function jobs._revive is
  'Let a dead job, whose dead letter the caller has locked, try again from the beginning at
p_run_at. Returns null, or the job that holds its unique key; then nothing is changed.';
