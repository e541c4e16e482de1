create or replace function jobs._pay(
  p_queue text,
  p_jobs integer,
  p_owed double precision,
  p_bucket bigint
)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into jobs.buckets (queue, key, claim_no, owed, at)
  values (p_queue, '', nextval('jobs.claims'), p_owed + p_jobs, jobs.clock());
  delete from jobs.buckets as b
  where b.queue = p_queue and b.key = '' and b.claim_no = p_bucket;
end;
$$;

comment on function jobs._pay is 'Use up the rate of a whole queue by so many jobs.';
