create or replace function shops._ask_model(
  p_job_id bigint,
  p_user_id uuid,
  p_product_id bigint,
  p_connection_id uuid,
  p_task text,
  p_request jsonb,
  p_maybe_sent boolean
)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_shop_id uuid;
  v_model   text;
  v_quality text;
  v_refused text;
begin
  select p.shop_id, m.model, m.quality into v_shop_id, v_model, v_quality
  from shops.products as p
  left join lateral shops._model(p.user_id, p.shop_id, p_task) as m on true
  where p.user_id = p_user_id and p.product_id = p_product_id;
  if v_model is null then
    return jsonb_build_object('give_up', 'no_model');
  end if;

  v_refused := shops._open_ai_call(
    p_job_id, p_user_id, v_shop_id, p_product_id, p_task, v_model, v_quality, p_request,
    p_maybe_sent
  );
  if v_refused is not null then
    return jsonb_build_object('give_up', v_refused);
  end if;

  return jsonb_build_object(
    'connection_id', p_connection_id,
    'request', p_request || jsonb_build_object('model', v_model) || case
      when p_task = 'image' then jsonb_build_object('quality', replace(v_quality, 'any', 'auto'))
      else '{}'
    end
  );
end;
$$;

comment on function shops._ask_model is
  'What a prepare function answers to have a model asked: the request with the shop''s model in '
  'it, once the user''s budget allows the call; else why not (no_model, budget_reached).';
