create or replace function shops.run_creation(p_run_id bigint)
returns table (items integer, skipped integer, why text)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from shops.shop_runs as r where r.ran_at < jobs.clock() - interval '100 days';

  select coalesce(sum(a.how_many), 0)::integer,
         (count(*) filter (where a.how_many = 0))::integer,
         coalesce(
           shops._skipped(array_agg(a.why) filter (where a.how_many = 0)),
           case when count(*) = 0 then 'no_shops' end
         )
  from shops.apply_creation(p_run_id) as a;
$$;

comment on function shops.run_creation is
  'The schedule product_creation: plan products for every shop. items = products planned, '
  'skipped = shops without work, why = their reasons. Once a day is often enough to forget, too: '
  'what runs decided is kept for 100 days.';
