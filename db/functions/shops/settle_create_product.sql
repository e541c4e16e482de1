create or replace function shops.settle_create_product(
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
    perform shops._fail_step('shops.create_product', p_payload, p_result);
    return null;
  end if;
  if coalesce(p_result #>> '{answer,product_gid}', '') = '' then
    return jsonb_build_object('later', null, 'reason', 'The answer names no product.');
  end if;

  update shops.products as p
  set state       = 'created',
      quota_state = 'used',
      product_gid = p_result #>> '{answer,product_gid}',
      variant_gid = p_result #>> '{answer,variant_gid}',
      handle      = coalesce(p_result #>> '{answer,handle}', p.handle),
      shop_status = p_result #>> '{answer,status}'
  where p.product_id = (p_payload ->> 'product_id')::bigint and p.state = 'uploaded'
  returning p.user_id, p.product_id, p.quota_month into v_product;
  if not found then
    return null;
  end if;

  update shops.quota_months as q
  set held = q.held - 1, used = q.used + 1
  where q.user_id = v_product.user_id and q.month = v_product.quota_month;
  perform shops._enqueue_step('shops.check_media', v_product.user_id, v_product.product_id);
  return null;
end;
$$;

comment on function shops.settle_create_product is
  'Settles shops.create_product: the product exists, so its quota is used; then its picture is '
  'looked at.';
