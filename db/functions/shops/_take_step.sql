create or replace function shops._take_step(p_kind text, p_payload jsonb)
returns table (user_id uuid, shop_id uuid, product_id bigint, connection_id uuid, halt jsonb)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_product  record;
  v_obstacle text;
begin
  select p.user_id, p.shop_id, p.product_id, p.state, p.state_since, p.failed_in, p.quota_state,
         t.state as needed, t.service, s.time_limit
  into v_product
  from shops.products as p
  join shops.steps as t on t.kind = p_kind
  join shops.product_states as s on s.state = t.state
  where p.product_id = (p_payload ->> 'product_id')::bigint
  for no key update of p;

  user_id    := v_product.user_id;
  shop_id    := v_product.shop_id;
  product_id := v_product.product_id;

  if product_id is null then
    halt := jsonb_build_object('skip', 'The product is gone.');
    return next;
    return;
  end if;

  if v_product.state = 'failed' and v_product.failed_in = v_product.needed then
    v_obstacle := shops._revive(user_id, product_id);
    if v_obstacle is not null then
      halt := jsonb_build_object('skip', v_obstacle);
      return next;
      return;
    end if;
    v_product.state_since := jobs.clock();
  elsif v_product.state <> v_product.needed then
    halt := jsonb_build_object('skip', format('The product is %s.', v_product.state));
    return next;
    return;
  end if;

  select a.connection_id into connection_id
  from shops.shop_connections as c
  join accounts.connections_status as a on a.user_id = c.user_id
    and a.connection_id = c.connection_id
  where c.user_id = v_product.user_id
    and c.shop_id = v_product.shop_id
    and c.service = v_product.service
    and a.state = 'connected';

  v_obstacle := case
    when not exists (select from shops.shops as s where s.shop_id = v_product.shop_id and s.enabled)
      then 'disabled'
    when connection_id is null then 'not_connected'
  end;
  if v_obstacle is not null then
    -- A person may yet enable or connect the shop; a product does not wait for ever.
    halt := case
      when jobs.clock() < v_product.state_since + v_product.time_limit
        then jsonb_build_object('later', 600, 'reason', v_obstacle)
      else jsonb_build_object('give_up', v_obstacle)
    end;
  end if;
  return next;
end;
$$;

comment on function shops._take_step is
  'The beginning of each step''s prepare function: the product, locked, and the connection to '
  'use; halt is what to answer at once where the step cannot or need not be taken. A product that '
  'failed in this step is revived first.';
