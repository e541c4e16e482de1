create or replace view shops.funnel with (security_invoker = true) as
select p.user_id,
       p.shop_id,
       s.name as shop,
       p.niche_id,
       n.name as niche,
       count(*)::integer as planned,
       count(*) filter (where p.product_gid is not null)::integer as made,
       count(*) filter (where p.optimization_status = 'optimized')::integer as optimised,
       count(*) filter (where p.published_at is not null)::integer as published,
       count(y.product_id)::integer as pinned,
       count(*) filter (where p.state = 'winner')::integer as winners,
       count(*) filter (where p.state = 'loser')::integer as losers,
       count(*) filter (where p.state = 'archived')::integer as archived,
       count(*) filter (where p.state = 'failed')::integer as failed
from shops.products as p
join shops.shops as s on s.user_id = p.user_id and s.shop_id = p.shop_id
left join shops.niches as n on n.user_id = p.user_id and n.niche_id = p.niche_id
left join (
  select distinct k.user_id, k.product_id from shops.syncs as k where k.state = 'done'
) as y on y.user_id = p.user_id and y.product_id = p.product_id
where p.origin <> 'imported'
group by p.user_id, p.shop_id, s.name, p.niche_id, n.name;

comment on view shops.funnel is
  'How far the products of each niche came: each column counts those that ever got there.';
comment on column shops.funnel.user_id is 'The owner.';
comment on column shops.funnel.shop_id is 'The shop.';
comment on column shops.funnel.shop is 'Its name.';
comment on column shops.funnel.niche_id is 'The niche.';
comment on column shops.funnel.niche is 'Its name.';
comment on column shops.funnel.planned is 'Products planned, variations of winners among them.';
comment on column shops.funnel.made is 'Of these: in the shop.';
comment on column shops.funnel.optimised is 'Of these: with optimised texts.';
comment on column shops.funnel.published is 'Of these: published.';
comment on column shops.funnel.pinned is 'Of these: shown on a platform.';
comment on column shops.funnel.winners is 'Winners now.';
comment on column shops.funnel.losers is 'Losers now.';
comment on column shops.funnel.archived is 'Archived now.';
comment on column shops.funnel.failed is 'Failed now.';
