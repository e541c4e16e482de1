create or replace function jobs._write_anew(p_job_ids bigint[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  -- A claim that began before this commits reads payloads as they were then. It does not meet rows
  -- written after; a row that is only locked, it would meet once the lock is gone.
  with gone as (
    delete from jobs.ready as r
    using unnest(p_job_ids) as n (job_id)
    cross join lateral (select j.* from jobs.jobs as j where j.job_id = n.job_id offset 0) as j
    where r.queue = j.queue and r.priority = j.priority and r.key = j.key and r.seq = j.job_id
    returning r.*
  )
  insert into jobs.ready select g.* from gone as g;

  with gone as (
    delete from jobs.ready as r
    where r.job_id = any (p_job_ids) and r.seq <> r.job_id
    returning r.*
  )
  insert into jobs.ready select g.* from gone as g;
end;
$$;

comment on function jobs._write_anew is
  'Have whoever claims these ready jobs see their payloads as they are now; their places stay the '
  'same.';
