create or replace function shops.tg_product_moves()
returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from shops.product_moves as m where m.from_state = old.state and m.to_state = new.state
  ) then
    raise exception using
      errcode = 'SH010',
      message = 'A product may not make this move.',
      detail  = format('product_id=%s from=%s to=%s', old.product_id, old.state, new.state),
      hint    = format('select to_state from shops.product_moves where from_state = %L;',
        old.state);
  end if;
  new.state_since := jobs.clock();
  return new;
end;
$$;

comment on function shops.tg_product_moves is
  'Lets a product make only the moves of shops.product_moves (SH010), and notes when.';

create or replace trigger products_move_right
  before update of state on shops.products
  for each row when (old.state is distinct from new.state)
  execute function shops.tg_product_moves();
