create or replace function shops.publish(p_product_id bigint)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_state   text;
begin
  select p.user_id, p.state into v_user_id, v_state
  from shops.products as p
  where p.product_id = p_product_id;
  if v_state is distinct from 'optimised' then
    raise exception using
      errcode = 'SH008',
      message = 'Only an optimised product can be published.',
      detail  = format('product_id=%s state=%s', p_product_id, coalesce(v_state, 'none such')),
      hint    = 'select product_id, title from shops.catalogue where state = ''optimised'';';
  end if;
  return shops._enqueue_step('shops.publish_product', v_user_id, p_product_id);
end;
$$;

comment on function shops.publish is
  'Publish an optimised product of a shop that does not publish by itself; returns the job. '
  'SH008: it is not optimised, or not there.';
grant execute on function shops.publish to autom_operator, service_role;
