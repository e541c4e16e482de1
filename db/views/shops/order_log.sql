create or replace view shops.order_log with (security_invoker = true) as
select o.user_id, o.shop_id, s.name as shop, o.pass_id, o.run_id, o.state, o.orders, o.pages,
       o.updated_since, o.reason, o.started_at, o.ended_at
from shops.order_passes as o
join shops.shops as s on s.user_id = o.user_id and s.shop_id = o.shop_id;

comment on view shops.order_log is
  'Each reading of a shop''s changed orders, page after page, and how far it came.';
comment on column shops.order_log.user_id is 'The owner.';
comment on column shops.order_log.shop_id is 'The shop.';
comment on column shops.order_log.shop is 'Its name.';
comment on column shops.order_log.pass_id is 'The reading.';
comment on column shops.order_log.run_id is 'The run of jobs.runs; null: started by hand.';
comment on column shops.order_log.state is
  'reading, complete, or failed: only a complete one moves what is known.';
comment on column shops.order_log.orders is 'Orders read so far.';
comment on column shops.order_log.pages is 'Pages read so far.';
comment on column shops.order_log.updated_since is 'Orders that changed before were known already.';
comment on column shops.order_log.reason is 'Why it failed; null if it did not.';
comment on column shops.order_log.started_at is 'When it began.';
comment on column shops.order_log.ended_at is 'When it ended; null while it reads.';
