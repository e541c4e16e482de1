create or replace function shops.begin_import(
  p_shop_id uuid,
  p_what text,
  p_file text,
  p_columns text[] default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id   uuid := shops._owner(p_shop_id);
  v_import_id bigint;
  v_missing   text;
begin
  if p_what not in ('products', 'orders') then
    raise exception using
      errcode = 'SH023',
      message = 'No such import.',
      detail  = format('what=%s', p_what),
      hint    = 'Give products or orders.';
  end if;

  select string_agg(n.name, ', ') into v_missing
  from unnest(
    case p_what
      when 'products' then array['Handle', 'Title']
      else array['Name', 'Created at', 'Lineitem quantity', 'Lineitem name', 'Lineitem price']
    end
  ) as n (name)
  where p_columns is not null and n.name <> all (p_columns);
  if v_missing is not null then
    raise exception using
      errcode = 'SH025',
      message = 'The file is no export of that kind.',
      detail  = format('file=%s what=%s: no column %s', p_file, p_what, v_missing),
      hint    = format('Export %s as CSV from the shop''s admin.', p_what);
  end if;

  insert into shops.imports (user_id, shop_id, what, file)
  values (v_user_id, p_shop_id, p_what, p_file)
  returning imports.import_id into v_import_id;
  return v_import_id;
end;
$$;

comment on function shops.begin_import is
  'Begin to import a file of products or orders, in the format that a Shopify admin exports; '
  'returns its import_id. p_columns is the file''s header: a file without the columns that every '
  'line needs is refused at once. Send the lines by shops.add_import_lines, then call '
  'shops.apply_import. SH001: no such shop. SH023: neither products nor orders. SH025: a column '
  'is missing.';
grant execute on function shops.begin_import to autom_operator, service_role;
