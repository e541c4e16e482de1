create or replace function shops.settle_upload_design(
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
  v_user_id    uuid;
  v_product_id bigint := (p_payload ->> 'product_id')::bigint;
begin
  if p_result ->> 'state' <> 'done' then
    perform shops._fail_step('shops.upload_design', p_payload, p_result);
    return null;
  end if;
  if coalesce(p_result #>> '{answer,resource_url}', '') = '' then
    return jsonb_build_object('later', null, 'reason', 'The answer names no address.');
  end if;

  update shops.products as p
  set state = 'uploaded', resource_url = p_result #>> '{answer,resource_url}'
  where p.product_id = v_product_id and p.state = 'written'
  returning p.user_id into v_user_id;
  perform shops._enqueue_step('shops.create_product', v_user_id, v_product_id);
  return null;
end;
$$;

comment on function shops.settle_upload_design is
  'Settles shops.upload_design: keeps where the design is, then creates the product.';
