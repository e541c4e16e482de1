create or replace function shops._fail_step(p_kind text, p_payload jsonb, p_result jsonb)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_product record;
  v_reason  text := left(coalesce(p_result ->> 'reason', p_result ->> 'state'), 500);
begin
  -- A skipped step was not needed: the product is elsewhere already.
  if p_result ->> 'state' = 'skipped' then
    return;
  end if;

  select p.user_id, p.shop_id, p.product_id, p.run_id, p.quota_state, p.quota_month into v_product
  from shops.products as p
  join shops.steps as t on t.kind = p_kind and t.state = p.state
  where p.product_id = (p_payload ->> 'product_id')::bigint
  for update of p;
  if not found then
    return;
  end if;

  update shops.products as p
  set state         = 'failed',
      failed_in     = p.state,
      failed_reason = v_reason,
      quota_state   = case when p.quota_state = 'held' then 'released' else p.quota_state end,
      optimization_status = case
        when p_kind in ('shops.optimise_product', 'shops.update_product') then 'failed'
        else p.optimization_status
      end
  where p.user_id = v_product.user_id and p.product_id = v_product.product_id;

  if v_product.quota_state = 'held' then
    update shops.quota_months as q
    set held = q.held - 1
    where q.user_id = v_product.user_id and q.month = v_product.quota_month;
  end if;

  update shops.shop_runs as r
  set error = v_reason
  where r.user_id = v_product.user_id and r.shop_id = v_product.shop_id
    and r.run_id = v_product.run_id;
end;
$$;

comment on function shops._fail_step is
  'The end of a step that gave up: its product fails with the reason, once, and what quota it '
  'held goes back. A product that is not in the step''s state is left alone.';
