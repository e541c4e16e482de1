create or replace function shops.connect_campaign(
  p_product_id bigint,
  p_connection_id uuid,
  p_ad_account_id text,
  p_campaign_id text,
  p_daily_budget bigint,
  p_currency text,
  p_name text default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_product     record;
  v_campaign_id bigint;
begin
  select p.user_id, p.shop_id into v_product
  from shops.products as p
  where p.product_id = p_product_id;
  if not found then
    raise exception using
      errcode = 'SH020',
      message = 'No such product.',
      detail  = format('product_id=%s', p_product_id),
      hint    = 'select product_id, title from shops.catalogue;';
  end if;
  if not exists (
    select
    from accounts.connections_status as c
    where c.connection_id = p_connection_id and c.user_id = v_product.user_id
      and c.service = 'pinterest'
  ) then
    raise exception using
      errcode = 'SH005',
      message = 'The shop''s owner has no such connection.',
      detail  = format('product_id=%s connection_id=%s', p_product_id, p_connection_id),
      hint    = 'select connection_id, service, account from accounts.connections_status;';
  end if;

  insert into shops.campaigns as k
    (user_id, shop_id, product_id, connection_id, ad_account_id, external_id, name, daily_budget,
    currency)
  values
    (v_product.user_id, v_product.shop_id, p_product_id, p_connection_id, p_ad_account_id,
    p_campaign_id,
     coalesce(p_name, p_campaign_id), p_daily_budget, p_currency)
  on conflict on constraint campaigns_are_connected_once do update
  set name = excluded.name, daily_budget = excluded.daily_budget, currency = excluded.currency
  returning k.campaign_id into v_campaign_id;
  return v_campaign_id;
end;
$$;

comment on function shops.connect_campaign is
  'Tell AutoM of a Pinterest campaign that advertises a product, and of its daily budget in minor '
  'units, so that the budget may rise while the product wins; returns its campaign_id. The same '
  'campaign again updates name and budget. SH005: not a Pinterest connection of the owner. SH020: '
  'no such product.';
grant execute on function shops.connect_campaign to autom_operator, service_role;
