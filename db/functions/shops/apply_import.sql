create or replace function shops.apply_import(p_import_id bigint, p_last_day date default null)
returns table (products integer, orders integer, lines integer, rejected integer)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_import record;
begin
  select i.user_id, i.shop_id, i.what, i.state into v_import
  from shops.imports as i
  where i.import_id = p_import_id
  for update;
  if not found then
    raise exception using
      errcode = 'SH023',
      message = 'No such import.',
      detail  = format('import_id=%s', p_import_id);
  end if;

  if v_import.state = 'open' then
    -- They came just now, and the planner does not know how many they are.
    analyze shops.import_lines;
    insert into shops.import_rejects (user_id, import_id, line_no, reason, cells)
    select l.user_id, l.import_id, l.line_no,
           case when l.cells ? '' then 'It has more cells than the header.'
             else 'It is not in UTF-8.' end,
           l.cells
    from shops.import_lines as l
    where l.user_id = v_import.user_id and l.import_id = p_import_id
      and (l.cells ? '' or position(U&'\FFFD' in l.cells::text) > 0);

    if v_import.what = 'products' then
      perform shops._apply_products(v_import.user_id, v_import.shop_id, p_import_id);
    else
      perform shops._apply_orders(v_import.user_id, v_import.shop_id, p_import_id, p_last_day);
    end if;

    delete from shops.import_lines as l
    where l.user_id = v_import.user_id and l.import_id = p_import_id;
    update shops.imports as i
    set state      = 'applied',
        applied_at = jobs.clock(),
        rejected   = (
          select count(*)
          from shops.import_rejects as r
          where r.user_id = i.user_id and r.import_id = i.import_id
        )
    where i.user_id = v_import.user_id and i.import_id = p_import_id;
  end if;

  return query
  select i.products, i.orders, i.lines, i.rejected
  from shops.imports as i
  where i.user_id = v_import.user_id and i.import_id = p_import_id;
end;
$$;

comment on function shops.apply_import is
  'Take over the lines of an import. Lines that cannot be read are kept in shops.import_rejects '
  'with the reason, all others count. p_last_day shifts orders by whole days, so that the last '
  'one is of that day. Returns what was read: products and their variants as lines, or orders and '
  'their lines. The same file again changes nothing but what differs; applying twice changes '
  'nothing. SH023: no such import.';
grant execute on function shops.apply_import to autom_operator, service_role;
