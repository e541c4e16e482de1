create or replace function jobs._pay(p_queue text, p_jobs integer, p_rate double precision)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into jobs.buckets as b (queue, key, tat)
  values (p_queue, '', jobs.clock() + make_interval(secs => p_jobs / p_rate))
  on conflict on constraint buckets_pkey do update
  set tat = greatest(b.tat, jobs.clock()) + (excluded.tat - jobs.clock());
$$;

comment on function jobs._pay is 'Use up the rate of a whole queue by so many jobs.';
