create or replace function shops._title_heads(p_title text)
returns text[]
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select array_agg(array_to_string(t.parts[1:n.length], ' - '))
  from string_to_array(p_title, ' - ') as t (parts)
  cross join generate_series(1, cardinality(t.parts) - 1) as n (length);
$$;

comment on function shops._title_heads is
  'What may be the product''s part of a line''s title: "Cup - Big - Red" may be "Cup" or "Cup - '
  'Big".';
