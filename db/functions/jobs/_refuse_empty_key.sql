create or replace function jobs._refuse_empty_key(p_key text)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- It is what jobs without a key have, and a variable that was never set: not the whole queue.
  if p_key = '' then
    raise exception using
      errcode = 'JQ014',
      message = 'An empty key names nothing.',
      hint    = 'Name a key; or leave p_key out, and it is the whole queue.';
  end if;
end;
$$;

comment on function jobs._refuse_empty_key is 'Raises JQ014 where a key was named and is empty.';
