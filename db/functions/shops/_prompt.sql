create or replace function shops._prompt(p_user_id uuid, p_product_id bigint, p_type text)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- plpgsql keeps its plans; sql would plan anew for every job.
as $$
begin
  return (
    select replace(t.body, '{niche}', n.name)
    from shops.products as p
    join shops.niches as n on n.user_id = p.user_id and n.niche_id = p.niche_id
    join shops.prompts as t
      on t.user_id = p.user_id
     and t.shop_id = p.shop_id
     and t.type = p_type
     and t.version = case p_type
           when 'image' then p.image_version
           when 'title' then p.title_version
           else p.description_version
         end
    where p.user_id = p_user_id and p.product_id = p_product_id
  );
end;
$$;

comment on function shops._prompt is
  'The prompt of a type for a product, in the version it was planned with, its niche filled in.';
