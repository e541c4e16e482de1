create or replace function jobs._cron_value(p_text text, p_low integer, p_names text[])
returns integer
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_text ~ '^\d{1,4}$' then p_text::integer
    else p_low - 1 + array_position(p_names, p_text)
  end;
$$;

comment on function jobs._cron_value is
  'A number, or a name by its place in p_names, the first of which is p_low; null if neither.';
