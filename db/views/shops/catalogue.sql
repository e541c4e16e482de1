create or replace view shops.catalogue with (security_invoker = true) as
select p.user_id,
       p.shop_id,
       s.name as shop,
       p.product_id,
       p.origin,
       p.parent_product_id,
       n.name as niche,
       p.state,
       p.state_since,
       coalesce(p.failed_reason, t.description) as note,
       p.title,
       p.handle,
       format('https://%s/products/%s', s.domain, p.handle) as link,
       p.sku,
       p.price_minor,
       p.currency,
       p.shop_status,
       p.optimization_status,
       p.quota_state,
       p.image_url,
       p.created_at,
       p.published_at
from shops.products as p
join shops.shops as s on s.user_id = p.user_id and s.shop_id = p.shop_id
join shops.product_states as t on t.state = p.state
left join shops.niches as n on n.user_id = p.user_id and n.niche_id = p.niche_id;

comment on view shops.catalogue is
  'Every product with its state, and what that means or why it failed.';
comment on column shops.catalogue.user_id is 'The owner.';
comment on column shops.catalogue.shop_id is 'The shop.';
comment on column shops.catalogue.shop is 'Its name.';
comment on column shops.catalogue.product_id is 'The product.';
comment on column shops.catalogue.origin is 'planned, imported or variation.';
comment on column shops.catalogue.parent_product_id is 'The winner that it is a variation of.';
comment on column shops.catalogue.niche is 'What it is about.';
comment on column shops.catalogue.state is 'Where it is in its life.';
comment on column shops.catalogue.state_since is 'Since when.';
comment on column shops.catalogue.note is 'Why it failed, else what the state means.';
comment on column shops.catalogue.title is 'Title.';
comment on column shops.catalogue.handle is 'Name in links.';
comment on column shops.catalogue.link is 'Its page; good once it is published.';
comment on column shops.catalogue.sku is 'Stock keeping unit.';
comment on column shops.catalogue.price_minor is 'Price in minor units.';
comment on column shops.catalogue.currency is 'Currency of the price.';
comment on column shops.catalogue.shop_status is
  'DRAFT, ACTIVE, ARCHIVED or UNLISTED, as the shop says.';
comment on column shops.catalogue.optimization_status is
  'pending, optimized or failed; null: never to be optimised.';
comment on column shops.catalogue.quota_state is 'held, used, released or none.';
comment on column shops.catalogue.image_url is 'Public address of the picture.';
comment on column shops.catalogue.created_at is 'When it was planned or imported.';
comment on column shops.catalogue.published_at is 'When we published it.';
