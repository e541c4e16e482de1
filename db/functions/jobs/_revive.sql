create or replace function jobs._revive(p_job_id bigint, p_run_at timestamptz)
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job jobs.running;
begin
  delete from jobs.dead_letters as d
  using jobs.jobs as j
  where d.job_id = p_job_id and j.job_id = d.job_id
  returning j.job_id, j.run_id, d.run_no, 0, j.priority, j.unique_key is not null, j.queue, j.kind,
            j.key
  into v_job.job_id, v_job.run_id, v_job.run_no, v_job.failures, v_job.priority, v_job.is_unique,
       v_job.queue, v_job.kind, v_job.key;
  return jobs._put_in_line(v_job, p_run_at, 'Retried after its death.');
end;
$$;

comment on function jobs._revive is
  'Let a dead job, whose dead letter the caller has locked and whose unique key it holds, try again
from the beginning at p_run_at.';
