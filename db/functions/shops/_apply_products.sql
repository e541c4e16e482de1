create or replace function shops._apply_products(p_user_id uuid, p_shop_id uuid, p_import_id bigint)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_currency text := coalesce(
    (select t.currency from shops.settings as t where t.user_id = p_user_id
      and t.shop_id = p_shop_id),
    'EUR'
  );
begin
  insert into shops.import_rejects (user_id, import_id, line_no, reason, cells)
  select p_user_id, p_import_id, l.line_no, w.reason, l.cells
  from (
    select i.line_no, i.cells, btrim(i.cells ->> 'Handle') as handle,
           -- A product is nothing without the title of its first line.
           first_value(i.cells ->> 'Title')
             over (partition by i.cells ->> 'Handle' order by i.line_no) as title,
           min(i.line_no) over (
             partition by i.cells ->> 'Handle', i.cells ? 'Title', i.cells ->> 'Variant SKU',
                          i.cells ->> 'Option1 Value', i.cells ->> 'Option2 Value',
                          i.cells ->> 'Option3 Value'
           ) as first_line
    from shops.import_lines as i
    where i.user_id = p_user_id and i.import_id = p_import_id
  ) as l
  cross join lateral (
    select case
      when coalesce(l.handle, '') = '' then 'It has no Handle.'
      when l.title is null then format('The first line of %s has no Title.', l.handle)
      when l.cells ? 'Variant Price'
        and shops._minor(l.cells ->> 'Variant Price', v_currency) is null
        then format('The Variant Price is no amount of %s: %s.', v_currency,
        l.cells ->> 'Variant Price')
      when l.cells ? 'Status'
        and lower(btrim(l.cells ->> 'Status')) not in ('active', 'draft', 'archived', 'unlisted')
        then format('The Status is none of active, draft, archived and unlisted: %s.',
        l.cells ->> 'Status')
      when l.cells ? 'Title' and l.first_line < l.line_no
        then format('It repeats line %s.', l.first_line)
    end
  ) as w (reason)
  where w.reason is not null
  on conflict do nothing;

  with read as materialized (
    select l.line_no,
           btrim(l.cells ->> 'Handle') as handle,
           btrim(l.cells ->> 'Title') as title,
           nullif(concat_ws(' / ', l.cells ->> 'Option1 Value', l.cells ->> 'Option2 Value',
             l.cells ->> 'Option3 Value'), '')
             as options,
           nullif(ltrim(btrim(l.cells ->> 'Variant SKU'), ''''), '') as sku,
           shops._minor(l.cells ->> 'Variant Price', v_currency) as price_minor,
           l.cells ->> 'Image Src' as image_url,
           substring(l.cells ->> 'Image Position' from '^[0-9]{1,9}$')::integer as image_place,
           l.cells
    from shops.import_lines as l
    where l.user_id = p_user_id and l.import_id = p_import_id
      and not exists (
        select
        from shops.import_rejects as j
        where j.user_id = l.user_id and j.import_id = l.import_id and j.line_no = l.line_no
      )
  ),
  -- The lines of a handle are one product with its variants and pictures. No product has the same
  -- variant twice: a titled line that repeats one is another product, and a shop numbers its
  -- handle.
  counted as (
    select r.*,
           case when r.title is not null then row_number() over (
             partition by r.handle, r.title is not null,
             coalesce(r.options, 'Default Title') order by r.line_no
           ) - 1 end as copy
    from read as r
  ),
  grouped as (
    select c.*,
           c.title is not null or c.options is not null or c.sku is not null
             or c.price_minor is not null
             as is_variant,
           c.handle || coalesce('-' || nullif(max(c.copy) over (
             partition by c.handle order by c.line_no
           ), 0), '') as own_handle
    from counted as c
  ),
  numbered as materialized (
    select g.*,
           row_number() over (partition by g.own_handle order by g.title is null, g.line_no)
             as place,
           count(*) filter (where g.is_variant) over (partition by g.own_handle) as variants,
           first_value(g.image_url) over (
             partition by g.own_handle order by g.image_url is null, g.image_place, g.line_no
           ) as picture
    from grouped as g
  ),
  kept as (
    insert into shops.products as p (
      user_id, shop_id, origin, state, handle, sku, title, description, tags, price_minor, currency,
      image_url, shop_status
    )
    select p_user_id, p_shop_id, 'imported', s.state, n.own_handle, n.sku, n.title,
      n.cells ->> 'Body (HTML)',
           coalesce(
             (
               select array_agg(btrim(t.tag) order by t.place)
               from string_to_table(n.cells ->> 'Tags', ',') with ordinality as t (tag, place)
               where btrim(t.tag) <> ''
             ),
             '{}'
           ),
           n.price_minor, v_currency,
           n.picture,
           s.status
    from numbered as n
    cross join lateral (
      select case lower(btrim(coalesce(
               n.cells ->> 'Status',
               case when lower(n.cells ->> 'Published') = 'false' then 'draft' end,
               'active'
             )))
               when 'draft' then 'DRAFT' when 'archived' then 'ARCHIVED' when 'unlisted'
                 then 'UNLISTED'
               else 'ACTIVE'
             end
    ) as k (status)
    cross join lateral (
      select k.status,
             case k.status when 'DRAFT' then 'created' when 'ARCHIVED' then 'archived'
               else 'published' end as state
    ) as s
    where n.place = 1
    order by n.line_no
    on conflict (user_id, shop_id, handle) do update
    set title       = excluded.title,
        description = excluded.description,
        tags        = excluded.tags,
        sku         = excluded.sku,
        price_minor = excluded.price_minor,
        currency    = excluded.currency,
        image_url   = excluded.image_url,
        shop_status = excluded.shop_status,
        -- A verdict of ours stays while the product is on sale.
        state       = case
          when excluded.state = 'published' and p.state in ('winner', 'loser') then p.state
          when excluded.state = 'created' then p.state
          else excluded.state
        end
    -- What AutoM made it knows better than a file.
    where p.origin = 'imported'
    returning p.product_id, p.handle
  ),
  variants as (
    insert into shops.variants as v
      (user_id, shop_id, product_id, variant_no, sku, title, price_minor)
    select p_user_id, p_shop_id, k.product_id,
           row_number() over (partition by k.product_id order by n.line_no), n.sku, n.options,
             n.price_minor
    from kept as k
    join numbered as n on n.own_handle = k.handle
    where n.is_variant and n.variants > 1
    on conflict (user_id, shop_id, product_id, variant_no) do update
    set sku = excluded.sku, title = excluded.title, price_minor = excluded.price_minor
  ),
  gone as (
    delete from shops.variants as v
    using kept as k, numbered as n
    where v.user_id = p_user_id and v.shop_id = p_shop_id and v.product_id = k.product_id
      and n.own_handle = k.handle and n.place = 1
      and v.variant_no > case when n.variants > 1 then n.variants else 0 end
  )
  update shops.imports as i
  set products = (select count(*) from numbered as n where n.place = 1),
      lines    = (select count(*) from numbered as n where n.is_variant)
  where i.user_id = p_user_id and i.import_id = p_import_id;

  -- The planner must know of them before the lines of orders look for them.
  analyze shops.products, shops.variants;
  -- Orders that came before their products find them now.
  perform shops._match_lines(p_user_id, p_shop_id);
end;
$$;

comment on function shops._apply_products is
  'Take over the products of an import: one for each handle, with its variants and first picture. '
  'A product that was imported before is updated, one that AutoM made is left as it is. Prices '
  'are in the currency of the shop''s settings, EUR without any.';
