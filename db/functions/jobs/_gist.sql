create or replace function jobs._gist(p_reason text)
returns text
language sql
immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select regexp_replace(left(coalesce(p_reason, ''), 500), '[0-9a-f]*[0-9][0-9a-f]*(-[0-9a-f]+)*',
    '#', 'gi');
$$;

comment on function jobs._gist is
  'An error without its numbers and ids, so that the same trouble with another product reads the '
  'same.';
