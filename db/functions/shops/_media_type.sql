create or replace function shops._media_type(p_picture bytea)
returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case
    when substr(p_picture, 1, 8) = '\x89504e470d0a1a0a' then 'image/png'
    when substr(p_picture, 1, 3) = '\xffd8ff' then 'image/jpeg'
    when substr(p_picture, 1, 4) = '\x52494646' and substr(p_picture, 9, 4) = '\x57454250'
      then 'image/webp'
  end;
$$;

comment on function shops._media_type is
  'What a picture is by its first bytes; null: none that shops take.';
