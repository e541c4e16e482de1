create or replace view shops.quota with (security_invoker = true) as
select e.user_id,
       shops._month() as month,
       e.plan,
       e.products_per_month as monthly_limit,
       coalesce(q.held, 0) as held,
       coalesce(q.used, 0) as used,
       -- greatest() skips nulls, and unlimited must not become nothing.
       case
         when e.products_per_month is not null
           then greatest(e.products_per_month - coalesce(q.held, 0) - coalesce(q.used, 0), 0)
       end as quota_left
from accounts.entitlements as e
left join shops.quota_months as q on q.user_id = e.user_id and q.month = shops._month();

comment on view shops.quota is
  'Each user''s products of this UTC month: all shops together, as the plan counts.';
comment on column shops.quota.user_id is 'The user.';
comment on column shops.quota.month is 'First day of the month.';
comment on column shops.quota.plan is 'The plan.';
comment on column shops.quota.monthly_limit is 'Products that the plan allows; null: unlimited.';
comment on column shops.quota.held is 'Products planned and not made yet.';
comment on column shops.quota.used is 'Products made.';
comment on column shops.quota.quota_left is 'Products that may still be planned; null: unlimited.';
