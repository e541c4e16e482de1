-- needs: shops.platform_status
create or replace view shops.unsynced with (security_invoker = true) as
select p.user_id,
       p.shop_id,
       s.platform,
       p.product_id,
       p.handle,
       p.title,
       p.image_url,
       s.target
from shops.platform_status as s
join shops.platforms as f on f.platform = s.platform
join shops.products as p on p.user_id = s.user_id and p.shop_id = s.shop_id
where s.obstacle is null
  and p.shop_status = 'ACTIVE'
  and p.image_url is not null
  and not exists (
    select
    from shops.syncs as y
    where y.user_id = p.user_id
      and y.product_id = p.product_id
      and y.platform = s.platform
      and (
        y.state in ('done', 'queued', 'given_up')
        or (y.state = 'unknown' and y.queued_at > jobs.clock() - f.repeat_after)
      )
  );

comment on view shops.unsynced is
  'Products that could be shown on a platform now: active in a shop whose way there is free, with '
  'a picture, and neither there, nor on the way, nor given up, nor possibly there (then not for '
  'platforms.repeat_after).';
comment on column shops.unsynced.user_id is 'The owner.';
comment on column shops.unsynced.shop_id is 'The shop.';
comment on column shops.unsynced.platform is 'The platform.';
comment on column shops.unsynced.product_id is 'The product.';
comment on column shops.unsynced.handle is 'Its name in links.';
comment on column shops.unsynced.title is 'Its title.';
comment on column shops.unsynced.image_url is 'Its picture.';
comment on column shops.unsynced.target is 'The board that it would go to.';
