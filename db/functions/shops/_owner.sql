create or replace function shops._owner(p_shop_id uuid)
returns uuid
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  select s.user_id into v_user_id from shops.shops as s where s.shop_id = p_shop_id;
  if v_user_id is null then
    raise exception using
      errcode = 'SH001',
      message = 'No such shop.',
      detail  = format('shop_id=%s', p_shop_id),
      hint    = 'select shop_id, shop from shops.overview;';
  end if;
  return v_user_id;
end;
$$;

comment on function shops._owner is 'The user whose shop it is. SH001: no such shop.';
