create or replace view shops.stuck with (security_invoker = true) as
select p.user_id,
       p.shop_id,
       s.name as shop,
       p.product_id,
       p.handle,
       p.state,
       p.state_since,
       t.time_limit,
       jobs.clock() - p.state_since as stuck_for
from shops.product_states as t
-- offset 0 keeps this a short look into an index for each state: most products are in none of
-- these.
cross join lateral (
  select k.user_id, k.shop_id, k.product_id, k.handle, k.state, k.state_since, k.origin
  from shops.products as k
  where k.state = t.state and k.state_since < jobs.clock() - t.time_limit
  offset 0
) as p
join shops.shops as s on s.user_id = p.user_id and s.shop_id = p.shop_id
left join shops.settings as g on g.user_id = p.user_id and g.shop_id = p.shop_id
where t.time_limit is not null
  and p.origin <> 'imported'
  -- Where the owner publishes by hand, an optimised product waits for him.
  and (p.state <> 'optimised' or g.auto_publish);

comment on view shops.stuck is
  'Products that stay in a state longer than shops.product_states allows. Empty: none is '
  'forgotten.';
comment on column shops.stuck.user_id is 'The owner.';
comment on column shops.stuck.shop_id is 'The shop.';
comment on column shops.stuck.shop is 'Its name.';
comment on column shops.stuck.product_id is 'The product.';
comment on column shops.stuck.handle is 'Its name in links.';
comment on column shops.stuck.state is 'Where it stays.';
comment on column shops.stuck.state_since is 'Since when.';
comment on column shops.stuck.time_limit is 'How long it may stay there.';
comment on column shops.stuck.stuck_for is 'How long it has been there.';
