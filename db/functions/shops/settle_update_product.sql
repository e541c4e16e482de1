create or replace function shops.settle_update_product(
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
declare
  v_product record;
begin
  if p_result ->> 'state' <> 'done' then
    perform shops._fail_step('shops.update_product', p_payload, p_result);
    return null;
  end if;

  update shops.products as p
  set state               = 'optimised',
      optimization_status = 'optimized',
      shop_status         = coalesce(p_result #>> '{answer,status}', p.shop_status)
  from shops.settings as t
  where p.product_id = (p_payload ->> 'product_id')::bigint
    and p.state = 'created'
    and t.user_id = p.user_id
    and t.shop_id = p.shop_id
  returning p.user_id, p.product_id, t.auto_publish into v_product;
  if v_product.auto_publish then
    perform shops._enqueue_step('shops.publish_product', v_product.user_id, v_product.product_id);
  end if;
  return null;
end;
$$;

comment on function shops.settle_update_product is
  'Settles shops.update_product: the product is optimised, and published if its shop says so.';
