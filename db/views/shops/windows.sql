create or replace view shops.windows with (security_invoker = true) as
select s.user_id, s.shop_id, s.name as shop, p.product_id, p.sku, p.title, p.state, p.shop_status,
       d.today, d.complete_up_to, d.fresh, p.first_tracked_at,
       u.tracked_days,
       u.units_3, u.units_7, u.units_10, u.units_14,
       case when p.first_tracked_at is not null then u.first_units end as first_units,
       case when p.first_tracked_at is not null then u.lifetime_units end as lifetime_units,
       u.gross_3, u.gross_7, u.gross_10, u.gross_14,
       case when p.first_tracked_at is not null then u.first_gross end as first_gross,
       case when p.first_tracked_at is not null then u.lifetime_gross end as lifetime_gross
from shops.shops as s
-- The keys go on from here, so that the day is known before its products are looked at.
cross join lateral shops._day(s.user_id, s.shop_id) as d
join shops.products as p on p.user_id = d.user_id and p.shop_id = d.shop_id
cross join lateral (
  select coalesce(sum(l.net_units) filter (where l.created_at >= d.day_3), 0) as units_3,
         coalesce(sum(l.net_units) filter (where l.created_at >= d.day_7), 0) as units_7,
         coalesce(sum(l.net_units) filter (where l.created_at >= d.day_10), 0) as units_10,
         coalesce(sum(l.net_units) filter (where l.created_at >= d.day_14), 0) as units_14,
         coalesce(sum(l.net_units) filter (
           where l.created_at >= p.first_tracked_at
             and l.created_at < p.first_tracked_at + d.start_phase
         ), 0) as first_units,
         coalesce(sum(l.net_units) filter (where l.created_at >= p.first_tracked_at), 0)
           as lifetime_units,
         coalesce(sum(l.quantity) filter (where l.created_at >= d.day_3), 0) as gross_3,
         coalesce(sum(l.quantity) filter (where l.created_at >= d.day_7), 0) as gross_7,
         coalesce(sum(l.quantity) filter (where l.created_at >= d.day_10), 0) as gross_10,
         coalesce(sum(l.quantity) filter (where l.created_at >= d.day_14), 0) as gross_14,
         coalesce(sum(l.quantity) filter (
           where l.created_at >= p.first_tracked_at
             and l.created_at < p.first_tracked_at + d.start_phase
         ), 0) as first_gross,
         coalesce(sum(l.quantity) filter (where l.created_at >= p.first_tracked_at), 0)
           as lifetime_gross,
         -- Here it is computed once, however often it is looked at.
         date_part('epoch', d.day_start - p.first_tracked_at) / 86400 as tracked_days
  from shops.order_lines as l
  where l.user_id = p.user_id
    and l.shop_id = p.shop_id
    and l.product_id = p.product_id
    -- Older lines count for nothing, and are not read.
    and l.created_at >= least(d.day_14, p.first_tracked_at)
    and l.created_at < d.day_start
) as u;

comment on view shops.windows is
  'What each product sold in the last 3, 7, 10 and 14 whole days of its shop''s time zone, in its '
  'first days, and since it is tracked. units_… are net: cancelled, refunded and test units do '
  'not count; gross_… are all that were ordered. Ask for one shop_id.';
comment on column shops.windows.user_id is 'The owner.';
comment on column shops.windows.shop_id is 'The shop.';
comment on column shops.windows.shop is 'Its name.';
comment on column shops.windows.product_id is 'The product.';
comment on column shops.windows.sku is 'Its stock keeping unit.';
comment on column shops.windows.title is 'Its title.';
comment on column shops.windows.state is 'Where it is in its life.';
comment on column shops.windows.shop_status is
  'DRAFT, ACTIVE, ARCHIVED or UNLISTED, as the shop says.';
comment on column shops.windows.today is 'The present day of the shop, not counted.';
comment on column shops.windows.complete_up_to is 'Up to when sales are known; null: not at all.';
comment on column shops.windows.fresh is 'The whole of yesterday is known.';
comment on column shops.windows.first_tracked_at is 'Since when it is tracked; null: not yet.';
comment on column shops.windows.tracked_days is
  'Days from then to the beginning of today; null: not tracked.';
comment on column shops.windows.units_3 is 'Net units of the last 3 whole days.';
comment on column shops.windows.units_7 is 'Net units of the last 7 whole days.';
comment on column shops.windows.units_10 is 'Net units of the last 10 whole days.';
comment on column shops.windows.units_14 is 'Net units of the last 14 whole days.';
comment on column shops.windows.first_units is
  'Net units of the first days (start_phase_days times 24 hours); null: not tracked.';
comment on column shops.windows.lifetime_units is
  'Net units since first tracking, today not counted; null: not tracked.';
comment on column shops.windows.gross_3 is 'Units ordered in the last 3 whole days.';
comment on column shops.windows.gross_7 is 'Units ordered in the last 7 whole days.';
comment on column shops.windows.gross_10 is 'Units ordered in the last 10 whole days.';
comment on column shops.windows.gross_14 is 'Units ordered in the last 14 whole days.';
comment on column shops.windows.first_gross is 'Units ordered in the first days.';
comment on column shops.windows.lifetime_gross is 'Units ordered since first tracking.';
