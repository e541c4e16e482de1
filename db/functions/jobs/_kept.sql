create or replace function jobs._kept(p_from bigint, p_before bigint)
returns bigint[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select array(
    select r.job_id from jobs.ready as r where r.job_id >= p_from and r.job_id < p_before
    union
    select s.job_id from jobs.scheduled as s where s.job_id >= p_from and s.job_id < p_before
    union
    select p.job_id from jobs.parked as p where p.job_id >= p_from and p.job_id < p_before
    union
    select r.job_id from jobs.running as r where r.job_id >= p_from and r.job_id < p_before
    union
    select d.job_id from jobs.dead_letters as d where d.job_id >= p_from and d.job_id < p_before
    union
    -- What ended only lately is kept as long as anything else.
    select h.job_id
    from jobs.history as h
    where h.job_id >= p_from and h.job_id < p_before and h.finished_at >= (
      select jobs.clock() - t.keep from jobs.retention as t where t.what = 'days'
    )
  );
$$;

comment on function jobs._kept is
  'The jobs of a range of ids that must outlive their day: not ended, dead and not retried, or ended
not long enough ago. A job that has ended never comes back into it, so it only shrinks.';
