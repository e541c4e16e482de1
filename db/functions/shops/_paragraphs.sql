create or replace function shops._paragraphs(p_text text)
returns text
language sql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select string_agg('<p>' || replace(p.paragraph, E'\n', '<br>') || '</p>', '' order by p.place)
  from regexp_split_to_table(
    replace(replace(replace(btrim(p_text), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '\n\s*\n'
  ) with ordinality as p (paragraph, place);
$$;

comment on function shops._paragraphs is
  'Plain text as HTML paragraphs, with nothing in it that could be markup.';
