create or replace view shops.sales_days with (security_invoker = true) as
select s.user_id, s.shop_id, s.name as shop, s.time_zone,
       d.today, d.day_start, d.day_3, d.day_7, d.day_10, d.day_14,
       d.complete_up_to, d.fresh, d.start_phase
from shops.shops as s
cross join lateral shops._day(s.user_id, s.shop_id) as d;

comment on view shops.sales_days is
  'Each shop''s present day in its time zone, where its sales windows begin, and whether its '
  'sales are known so far.';
comment on column shops.sales_days.user_id is 'The owner.';
comment on column shops.sales_days.shop_id is 'The shop.';
comment on column shops.sales_days.shop is 'Its name.';
comment on column shops.sales_days.time_zone is 'Where its days begin.';
comment on column shops.sales_days.today is
  'The present day there. It is not over and counts for no window.';
comment on column shops.sales_days.day_start is
  'When today began: every window ends here, this moment not included.';
comment on column shops.sales_days.day_3 is 'When the window of the last 3 whole days begins.';
comment on column shops.sales_days.day_7 is 'When the window of the last 7 whole days begins.';
comment on column shops.sales_days.day_10 is 'When the window of the last 10 whole days begins.';
comment on column shops.sales_days.day_14 is 'When the window of the last 14 whole days begins.';
comment on column shops.sales_days.complete_up_to is
  'Up to when sales are known; null: not at all.';
comment on column shops.sales_days.fresh is
  'The whole of yesterday is known. If not, nothing is decided.';
comment on column shops.sales_days.start_phase is 'How long the first days of a product are.';
