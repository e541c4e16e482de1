create or replace view shops.readiness with (security_invoker = true) as
select s.user_id,
       s.shop_id,
       s.name as shop,
       s.program,
       s.enabled,
       (jobs.clock() at time zone s.time_zone)::date as today,
       coalesce(c.shopify, false) as shopify,
       coalesce(c.openai, false) as openai,
       coalesce(c.pinterest, false) as pinterest,
       t.shop_id is not null as configured,
       t.creation_limit,
       t.pin_limit,
       t.pin_daily_limit,
       t.pinterest_board_id,
       coalesce(e.active, false) as subscribed,
       e.plan,
       e.products_per_month,
       e.niches as niche_limit,
       e.platforms
from shops.shops as s
left join shops.settings as t on t.user_id = s.user_id and t.shop_id = s.shop_id
left join accounts.entitlements as e on e.user_id = s.user_id
left join lateral (
  select bool_or(k.service = 'shopify') as shopify,
         bool_or(k.service = 'openai') as openai,
         bool_or(k.service = 'pinterest') as pinterest
  from shops.shop_connections as k
  join accounts.connections_status as a
    on a.user_id = k.user_id and a.connection_id = k.connection_id
  where k.user_id = s.user_id
    and k.shop_id = s.shop_id
    and a.state = 'connected'
    and a.missing_scopes = '{}'
) as c on true;

comment on view shops.readiness is 'What each shop has of what its jobs need, one row a shop.';
comment on column shops.readiness.user_id is 'The owner.';
comment on column shops.readiness.shop_id is 'The shop.';
comment on column shops.readiness.shop is 'Its name.';
comment on column shops.readiness.program is 'pod_autom or reboss.';
comment on column shops.readiness.enabled is 'False: its owner stopped it.';
comment on column shops.readiness.today is 'The present day in its time zone.';
comment on column shops.readiness.shopify is
  'Its Shopify connection is good: connected, no scope missing.';
comment on column shops.readiness.openai is 'Its OpenAI connection is good.';
comment on column shops.readiness.pinterest is 'Its Pinterest connection is good.';
comment on column shops.readiness.configured is 'Somebody decided about its settings.';
comment on column shops.readiness.creation_limit is 'Products a day; null: not configured.';
comment on column shops.readiness.pin_limit is 'Pins a run; null: not configured.';
comment on column shops.readiness.pin_daily_limit is 'Pins a day; null: not configured.';
comment on column shops.readiness.pinterest_board_id is 'The board to pin to; null: none chosen.';
comment on column shops.readiness.subscribed is 'Its owner has an active or trialing subscription.';
comment on column shops.readiness.plan is 'The owner''s plan.';
comment on column shops.readiness.products_per_month is
  'Products a UTC month, all shops of the owner together; null: unlimited.';
comment on column shops.readiness.niche_limit is
  'Active niches, all shops of the owner together; null: unlimited.';
comment on column shops.readiness.platforms is 'Platforms that the plan allows; null: all.';
