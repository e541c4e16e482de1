create or replace function shops._picture(p_base64 text)
returns bytea
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
begin
  return decode(p_base64, 'base64');
exception
  when invalid_parameter_value then
    return null;
end;
$$;

comment on function shops._picture is
  'The bytes that base64 text stands for; null where it is none.';
