create or replace function shops._told(p_user_id uuid, p_product_id bigint)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- plpgsql keeps its plans; sql would plan anew for every job.
as $$
begin
  return (
    select coalesce(
      format(E'Improve this text so that people find and want the design.\nNiche: %s\n'
              'Title: %s\nDescription: %s\nTags: %s',
             n.name, t.title, t.description, array_to_string(t.tags, ', ')),
      format(E'Niche: %s\nTitle: %s\nDescription: %s\nDesign: %s', n.name,
             shops._prompt(p.user_id, p.product_id, 'title'),
             shops._prompt(p.user_id, p.product_id, 'description'),
             shops._prompt(p.user_id, p.product_id, 'image'))
    )
    from shops.products as p
    join shops.niches as n on n.user_id = p.user_id and n.niche_id = p.niche_id
    left join shops.texts as t
      on t.user_id = p.user_id and t.product_id = p.product_id and t.step = 'written'
    where p.user_id = p_user_id and p.product_id = p_product_id
  );
end;
$$;

comment on function shops._told is
  'What a text model is told about a product: its prompts, and once it has a text, that text.';
