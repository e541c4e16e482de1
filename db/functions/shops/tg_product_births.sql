create or replace function shops.tg_product_births()
returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong text;
begin
  select format('product_id=%s origin=%s state=%s', n.product_id, n.origin, n.state) into v_wrong
  from born as n
  join shops.product_states as s on s.state = n.state
  where n.origin <> all (s.starts)
  limit 1;
  if v_wrong is not null then
    raise exception using
      errcode = 'SH010',
      message = 'A product may not make this move.',
      detail  = v_wrong,
      hint    = 'select state, starts from shops.product_states;';
  end if;
  return null;
end;
$$;

comment on function shops.tg_product_births is
  'Refuses products that begin in a state in which their origin does not begin (SH010).';

create or replace trigger products_are_born_right
  after insert on shops.products
  referencing new table as born
  for each statement execute function shops.tg_product_births();
