create or replace function shops._plain(p_text text, p_most integer)
returns text
language sql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case
    when length(t.plain) <= p_most then t.plain
    -- Cut after a word where there is one.
    else regexp_replace(left(t.plain, p_most - 1), '(\S)\s+\S*$', '\1') || '…'
  end
  from (
    select btrim(regexp_replace(
      replace(replace(replace(replace(
        regexp_replace(p_text, '<[^>]*>', ' ', 'g'),
        '&nbsp;', ' '), '&lt;', '<'), '&gt;', '>'), '&amp;', '&'),
      '\s+', ' ', 'g'
    )) as plain
  ) as t;
$$;

comment on function shops._plain is
  'Text without markup, at most p_most characters, cut after a word.';
