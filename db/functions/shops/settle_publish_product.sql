create or replace function shops.settle_publish_product(
  p_job_id bigint,
  p_payload jsonb,
  p_result jsonb
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_result ->> 'state' <> 'done' then
    perform shops._fail_step('shops.publish_product', p_payload, p_result);
    return null;
  end if;
  if p_result #>> '{answer,status}' is distinct from 'ACTIVE'
     or coalesce((p_result #>> '{answer,published_to}')::integer, 0) = 0 then
    return jsonb_build_object('later', null, 'reason', 'The product is in no sales channel.');
  end if;

  update shops.products as p
  set state = 'published', shop_status = 'ACTIVE', published_at = jobs.clock()
  where p.product_id = (p_payload ->> 'product_id')::bigint and p.state = 'optimised';
  return null;
end;
$$;

comment on function shops.settle_publish_product is
  'Settles shops.publish_product: customers can buy it. Active but in no sales channel is not '
  'published.';
