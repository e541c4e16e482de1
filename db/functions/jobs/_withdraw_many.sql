create or replace function jobs._withdraw_many(p_job_ids bigint[])
returns table (job_id bigint, run_no integer)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  -- A statement for each place, as in jobs._withdraw.
  return query
  delete from jobs.scheduled as s
  where s.job_id = any (p_job_ids) and (s.run_no = 0 or not jobs._has_begun(s.job_id))
  returning s.job_id, s.run_no;

  return query
  delete from jobs.ready as r
  using unnest(p_job_ids) as n (job_id)
  cross join lateral (select j.* from jobs.jobs as j where j.job_id = n.job_id offset 0) as j
  where r.queue = j.queue and r.priority = j.priority and r.key = j.key and r.seq = j.job_id
    and (r.run_no = 0 or not jobs._has_begun(r.job_id))
  returning r.job_id, r.run_no;

  return query
  delete from jobs.ready as r
  where r.job_id = any (p_job_ids) and r.seq <> r.job_id
    and (r.run_no = 0 or not jobs._has_begun(r.job_id))
  returning r.job_id, r.run_no;
end;
$$;

comment on function jobs._withdraw_many is
  'Take those of the jobs that are ready, or wait for their time, out of their places; not what has
begun its work.';
