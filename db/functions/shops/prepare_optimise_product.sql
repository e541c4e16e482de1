create or replace function shops.prepare_optimise_product(
  p_job_id bigint,
  p_payload jsonb,
  p_maybe_sent boolean
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_step record;
begin
  select t.user_id, t.product_id, t.connection_id, t.halt into v_step
  from shops._take_step('shops.optimise_product', p_payload) as t;
  if v_step.halt is not null then
    return v_step.halt;
  end if;
  if exists (
    select
    from shops.texts as t
    where t.user_id = v_step.user_id and t.product_id = v_step.product_id and t.step = 'optimised'
  ) then
    return jsonb_build_object('skip', 'The optimised text is known.');
  end if;

  return shops._ask_model(
    p_job_id, v_step.user_id, v_step.product_id, v_step.connection_id, 'text',
    (
      select shops._text_request(n.language, shops._told(p.user_id, p.product_id))
      from shops.products as p
      join shops.niches as n on n.user_id = p.user_id and n.niche_id = p.niche_id
      where p.user_id = v_step.user_id and p.product_id = v_step.product_id
    ),
    p_maybe_sent
  );
end;
$$;

comment on function shops.prepare_optimise_product is
  'Prepares shops.optimise_product. Payload: {"product_id"}. Asks for a better text, once the '
  'budget allows it; one that is known already is not paid for again.';
