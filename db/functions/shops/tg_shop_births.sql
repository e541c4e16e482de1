create or replace function shops.tg_shop_births()
returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into shops.winner_rules (user_id, shop_id, version)
  select b.user_id, b.shop_id, 1
  from born as b;
  return null;
end;
$$;

comment on function shops.tg_shop_births is
  'Gives new shops the first version of their winner rules: the defaults.';

create or replace trigger shops_are_born_with_rules
  after insert on shops.shops
  referencing new table as born
  for each statement execute function shops.tg_shop_births();
