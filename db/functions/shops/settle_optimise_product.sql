create or replace function shops.settle_optimise_product(
  p_job_id bigint,
  p_payload jsonb,
  p_result jsonb
)
returns jsonb
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select shops._settle_text('shops.optimise_product', 'optimised', p_job_id, p_payload, p_result);
$$;

comment on function shops.settle_optimise_product is
  'Settles shops.optimise_product: checks and keeps the better text, then puts it into the shop.';
