create or replace function shops._tags(p_tags jsonb, p_own text[])
returns text[]
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
-- plpgsql keeps its plans; sql would plan anew for every job.
as $$
begin
  return (
    select array(
      select t.tag
      from (
        select o.tag, 0 as place from unnest(p_own) as o (tag)
        union all
        select left(btrim(replace(g.tag, ',', ' ')), 40), g.place
        from jsonb_array_elements_text(case jsonb_typeof(p_tags) when 'array' then p_tags
          else '[]' end)
          with ordinality as g (tag, place)
        where g.place <= 10
      ) as t
      where t.tag <> ''
      group by t.tag
      order by min(t.place), t.tag
    )
  );
end;
$$;

comment on function shops._tags is
  'A product''s tags: our own first, then at most ten of the model''s, without commas, which part '
  'tags in Shopify.';
