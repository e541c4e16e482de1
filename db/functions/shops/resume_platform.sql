create or replace function shops.resume_platform(p_shop_id uuid, p_platform text)
returns boolean
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with resumed as (
    delete from shops.platform_stops as x
    where x.user_id = shops._owner(p_shop_id) and x.shop_id = p_shop_id and x.platform = p_platform
    returning 1
  )
  select exists (select from resumed);
$$;

comment on function shops.resume_platform is
  'Let a shop that a platform called spam show products there again. False where it was not '
  'stopped. SH001: no such shop.';
grant execute on function shops.resume_platform to autom_operator, service_role;
