-- needs: shops.present_rules
create or replace view shops.sales_days with (security_invoker = true) as
select s.user_id, s.shop_id, s.name as shop, s.time_zone,
       d.today, d.day_start, d.day_3, d.day_7, d.day_10, d.day_14,
       d.complete_up_to, d.fresh, d.start_phase
from shops.shops as s
cross join lateral (
  select t.today,
         shops._midnight(t.today, s.time_zone) as day_start,
         shops._midnight(t.today - 3, s.time_zone) as day_3,
         shops._midnight(t.today - 7, s.time_zone) as day_7,
         shops._midnight(t.today - 10, s.time_zone) as day_10,
         shops._midnight(t.today - 14, s.time_zone) as day_14,
         k.complete_up_to,
         coalesce(k.complete_up_to >= shops._midnight(t.today, s.time_zone), false) as fresh,
         make_interval(hours => 24 * r.start_phase_days) as start_phase
  from (select (jobs.clock() at time zone s.time_zone)::date as today) as t
  join shops.present_rules as r on r.user_id = s.user_id and r.shop_id = s.shop_id
  left join shops.trackings as k on k.user_id = s.user_id and k.shop_id = s.shop_id
  -- Computed once for a shop, and not again for each line of an order.
  offset 0
) as d;

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
