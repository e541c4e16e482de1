-- needs: shops.readiness
create or replace view shops.platform_status with (security_invoker = true) as
select r.user_id,
       r.shop_id,
       r.shop,
       f.platform,
       case
         when not r.enabled then 'disabled'
         when not r.configured then 'no_settings'
         when not r.subscribed then 'no_subscription'
         when f.platform <> all (r.platforms) then 'not_in_plan'
         when x.platform is not null then 'stopped'
         when f.service = 'pinterest' and not r.pinterest then 'not_connected'
         when f.service = 'pinterest' and r.pinterest_board_id is null then 'no_board'
         when f.service = 'pinterest' and b.board_id is null then 'board_unknown'
       end as obstacle,
       coalesce(x.reason, b.name) as note,
       r.pinterest_board_id as target,
       x.stopped_at
from shops.readiness as r
cross join shops.platforms as f
left join shops.platform_stops as x
  on x.user_id = r.user_id and x.shop_id = r.shop_id and x.platform = f.platform
left join shops.boards as b
  on b.user_id = r.user_id and b.shop_id = r.shop_id and b.board_id = r.pinterest_board_id;

comment on view shops.platform_status is
  'Whether each shop''s products can go to each platform, and what is in the way.';
comment on column shops.platform_status.user_id is 'The owner.';
comment on column shops.platform_status.shop_id is 'The shop.';
comment on column shops.platform_status.shop is 'Its name.';
comment on column shops.platform_status.platform is 'The platform.';
comment on column shops.platform_status.obstacle is
  'disabled, no_settings, no_subscription, not_in_plan, stopped (the platform called it spam: '
  'shops.resume_platform), not_connected, no_board, board_unknown (not in shops.boards: '
  'shops.look); null: the way is free.';
comment on column shops.platform_status.note is
  'What the platform said when it stopped the shop, else the board''s name.';
comment on column shops.platform_status.target is 'The board that was chosen.';
comment on column shops.platform_status.stopped_at is 'Since when the shop is stopped.';
