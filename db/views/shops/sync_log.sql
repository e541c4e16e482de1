create or replace view shops.sync_log with (security_invoker = true) as
select y.user_id,
       y.shop_id,
       s.name as shop,
       y.platform,
       y.sync_id,
       y.product_id,
       p.title,
       y.link,
       y.state,
       y.external_id,
       y.reason,
       y.queued_at,
       y.ended_at
from shops.syncs as y
join shops.shops as s on s.user_id = y.user_id and s.shop_id = y.shop_id
join shops.products as p on p.user_id = y.user_id and p.product_id = y.product_id;

comment on view shops.sync_log is 'Each attempt to show a product on a platform, and how it ended.';
comment on column shops.sync_log.user_id is 'The owner.';
comment on column shops.sync_log.shop_id is 'The shop.';
comment on column shops.sync_log.shop is 'Its name.';
comment on column shops.sync_log.platform is 'Where to.';
comment on column shops.sync_log.sync_id is 'The attempt.';
comment on column shops.sync_log.product_id is 'The product.';
comment on column shops.sync_log.title is 'Its title now.';
comment on column shops.sync_log.link is 'The page that it leads to.';
comment on column shops.sync_log.state is
  'queued, done, failed (another run may try again), given_up, skipped, or unknown (it may be '
  'there).';
comment on column shops.sync_log.external_id is
  'The platform''s id, such as a pin; null: it is not known to be there.';
comment on column shops.sync_log.reason is
  'Why it is not done; null where there is nothing to say.';
comment on column shops.sync_log.queued_at is 'When a run chose it.';
comment on column shops.sync_log.ended_at is 'When its outcome was known; null while it is queued.';
