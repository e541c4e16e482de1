create or replace function shops.settle_read_orders(
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
  v_answer  jsonb := p_result -> 'answer';
  v_cursor  text := v_answer ->> 'end_cursor';
  v_pass    record;
  v_problem text;
begin
  select p.user_id, p.pass_id, p.shop_id, p.run_id, p.then_scale, p.started_at into v_pass
  from shops.order_passes as p
  where p.pass_id = (p_payload ->> 'pass_id')::bigint and p.state = 'reading'
  for update;
  if not found then
    return null;
  end if;

  if p_result ->> 'state' <> 'done' then
    perform shops._end_pass(
      v_pass.user_id, v_pass.pass_id, 'failed',
        coalesce(p_result ->> 'reason', p_result ->> 'state')
    );
    return null;
  end if;

  v_problem := coalesce(
    shops._orders_problem(v_answer -> 'orders'),
    case
      when jsonb_typeof(v_answer -> 'has_next') is distinct from 'boolean'
        then 'nobody knows whether a page follows'
      when (v_answer ->> 'has_next')::boolean and coalesce(v_cursor, '') = ''
        then 'no cursor for the next page'
      when (v_answer ->> 'has_next')::boolean and v_cursor = p_payload ->> 'after'
        then 'the cursor does not move'
    end
  );
  if v_problem is not null then
    return jsonb_build_object('later', null, 'reason', v_problem);
  end if;

  perform shops._store_orders(v_pass.user_id, v_pass.shop_id, 'shop', v_answer -> 'orders');
  update shops.order_passes as p
  set pages  = p.pages + 1,
      orders = p.orders + jsonb_array_length(v_answer -> 'orders')
  where p.user_id = v_pass.user_id and p.pass_id = v_pass.pass_id;

  if (v_answer ->> 'has_next')::boolean then
    perform jobs.enqueue(
      p_kind    => 'shops.read_orders',
      p_payload => jsonb_build_object('pass_id', v_pass.pass_id, 'after', v_cursor),
      p_key     => c.connection_id::text,
      p_tenant  => v_pass.user_id
    )
    from shops.shop_connections as c
    where c.user_id = v_pass.user_id and c.shop_id = v_pass.shop_id and c.service = 'shopify';
    if not found then
      perform shops._end_pass(v_pass.user_id, v_pass.pass_id, 'failed', 'not_connected');
    end if;
    return null;
  end if;

  perform shops._end_pass(v_pass.user_id, v_pass.pass_id, 'complete');
  if v_pass.then_scale then
    perform shops._scale(v_pass.run_id, array[v_pass.shop_id]);
  end if;
  return null;
end;
$$;

comment on function shops.settle_read_orders is
  'Settles shops.read_orders: keeps the orders of the page, asks for the next one, and after the '
  'last one moves the shop''s cursor. An answer that is not whole is asked for again; a page that '
  'gives up fails the pass, and the cursor stays.';
