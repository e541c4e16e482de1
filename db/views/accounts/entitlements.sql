create or replace view accounts.entitlements with (security_invoker = true) as
select u.user_id,
       coalesce(p.plan, 'basis') as plan,
       a.active,
       case when a.active then p.products_per_month else 0 end as products_per_month,
       case when a.active then p.niches else 0 end as niches,
       a.active and p.winner_scaling as winner_scaling,
       a.active and p.advanced_analytics as advanced_analytics,
       case when a.active then p.platforms else array[]::text[] end as platforms,
       case
         when s.subscription_id is null then 'There is no subscription.'
         when p.plan is null then 'accounts.plans has no row basis to fall back to.'
         when s.state = 'canceled'
           then format('The %s subscription was canceled on %s.', s.plan, t.ended_on)
         when s.state = 'past_due'
           then format('The payment for the %s subscription is past due.', s.plan)
         when s.period_start > jobs.clock()
           then format('The %s subscription starts on %s.', s.plan, t.starts_on)
         when s.period_end <= jobs.clock()
           then format('The period of the %s subscription ended on %s.', s.plan, t.ends_on)
         when p.plan <> s.plan
           then format('The plan %s is not known: what basis may do is granted.', s.plan)
         else format('The %s subscription is %s%s.', s.plan, s.state, ' until ' || t.ends_on)
       end as why
from accounts.users as u
left join lateral (
  select b.subscription_id, b.plan, b.state, b.period_start, b.period_end, b.ended_at
  from accounts.subscriptions as b
  where b.user_id = u.user_id
  order by (b.state <> 'canceled') desc, b.subscription_id desc
  limit 1
) as s on true
left join lateral (
  select k.plan, k.products_per_month, k.niches, k.winner_scaling, k.advanced_analytics, k.platforms
  from accounts.plans as k
  where k.plan in (s.plan, 'basis')
  order by (k.plan = s.plan) desc nulls last
  limit 1
) as p on true
cross join lateral (
  select coalesce(
    p.plan is not null
    and s.state in ('active', 'trialing')
    and s.period_start <= jobs.clock()
    and (s.period_end is null or s.period_end > jobs.clock()),
    false
  )
) as a (active)
cross join lateral (
  select to_char(s.period_start at time zone 'UTC', 'YYYY-MM-DD'),
         to_char(s.period_end at time zone 'UTC', 'YYYY-MM-DD'),
         to_char(s.ended_at at time zone 'UTC', 'YYYY-MM-DD')
) as t (starts_on, ends_on, ended_on);

comment on view accounts.entitlements is
  'What each user may do now, one row a user, and why. Whoever has no subscription that is active '
  'or trialing, within its period, may do nothing: active is false, the limits are 0. A plan that '
  'accounts.plans does not know counts as basis.';
comment on column accounts.entitlements.products_per_month is
  'Products in a UTC calendar month, all shops together; null = unlimited.';
comment on column accounts.entitlements.niches is
  'Active niches, all shops together; null = unlimited.';
comment on column accounts.entitlements.platforms is 'Platforms that may be used; null = all.';
comment on column accounts.entitlements.why is
  'The reason in one sentence; dates are UTC. Never null.';
