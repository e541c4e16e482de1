create or replace function jobs.release_unheld(p_worker_id integer, p_held bigint[])
returns bigint[]
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Alone: a claim whose answer got lost may still be under way, and must be over first.
  perform pg_advisory_xact_lock(78, p_worker_id);
  return (
    select jobs.release_many(array_agg(r.job_id), array_agg(r.run_no))
    from jobs.running as r
    where r.worker_id = p_worker_id and r.job_id <> all (p_held)
  );
end;
$$;

comment on function jobs.release_unheld is
  'Give back what a worker was given and does not know of, because the connection broke before the
answer came. p_held: the jobs that it does know of.';
grant execute on function jobs.release_unheld to autom_worker;
