create or replace function shops._match(
  p_user_id uuid,
  p_shop_id uuid,
  p_gid text,
  p_sku text,
  p_title text
)
returns table (product_id bigint)
language sql
stable
as $$
  -- Joined laterally this is inlined: three looks into indexes for each line, however many there
  -- are.
  select coalesce(by_gid.product_id, by_sku.product_id, by_title.product_id)
  from (values (p_gid, p_sku, p_title)) as told (gid, sku, title)
  left join lateral (
    select p.product_id
    from shops.products as p
    where p.user_id = p_user_id and p.shop_id = p_shop_id and p.product_gid = told.gid
  ) as by_gid on true
  left join lateral (
    select min(f.product_id) as product_id
    from (
      select p.product_id
      from shops.products as p
      where p.user_id = p_user_id and p.shop_id = p_shop_id and p.sku = told.sku
        and (told.gid is null or p.product_gid is null)
      union
      select v.product_id
      from shops.variants as v
      join shops.products as p on p.user_id = v.user_id and p.product_id = v.product_id
      where v.user_id = p_user_id and v.shop_id = p_shop_id and v.sku = told.sku
        and (told.gid is null or p.product_gid is null)
    ) as f
    where by_gid.product_id is null
    having count(*) = 1
  ) as by_sku on true
  left join lateral (
    select min(f.product_id) as product_id
    from (
      select p.product_id
      from shops.products as p
      where p.user_id = p_user_id and p.shop_id = p_shop_id and p.title = told.title
        and (told.gid is null or p.product_gid is null)
      union
      -- "Varsity Top - Small" is a variant of "Varsity Top".
      select p.product_id
      from shops.products as p
      join shops.variants as v
        on v.user_id = p.user_id and v.shop_id = p.shop_id and v.product_id = p.product_id
      where p.user_id = p_user_id and p.shop_id = p_shop_id
        and p.title = any (shops._title_heads(told.title))
        and p.title || ' - ' || v.title = told.title
        and (told.gid is null or p.product_gid is null)
    ) as f
    where by_gid.product_id is null and by_sku.product_id is null
    having count(*) = 1
  ) as by_title on true;
$$;

comment on function shops._match is
  'The product that a line of an order sold: by Shopify''s id, else by stock keeping unit, else '
  'by title; null where none or several fit, or where the shop''s id is of another product.';
