create or replace function shops.add_import_lines(
  p_import_id bigint,
  p_line_nos integer[],
  p_cells jsonb[]
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
  v_state   text;
begin
  select i.user_id, i.state into v_user_id, v_state
  from shops.imports as i
  where i.import_id = p_import_id
  for key share;
  if not found then
    raise exception using
      errcode = 'SH023',
      message = 'No such import.',
      detail  = format('import_id=%s', p_import_id);
  elsif v_state <> 'open' then
    raise exception using
      errcode = 'SH024',
      message = 'The import is over.',
      detail  = format('import_id=%s', p_import_id),
      hint    = 'Begin another one: shops.begin_import.';
  end if;

  insert into shops.import_lines (user_id, import_id, line_no, cells)
  select v_user_id, p_import_id, l.line_no, l.cells
  from unnest(p_line_nos, p_cells) as l (line_no, cells)
  on conflict do nothing;
end;
$$;

comment on function shops.add_import_lines is
  'Add lines of a file to an import: p_cells[i] is line p_line_nos[i], an object of the cells '
  'that are not empty by their column''s header; cells beyond the header go under "". The same '
  'line again changes nothing. Some thousand lines a call are well. SH023: no such import. SH024: '
  'it was applied already.';
grant execute on function shops.add_import_lines to autom_operator, service_role;
