create or replace view shops.budget with (security_invoker = true) as
select e.user_id,
       shops._month() as month,
       coalesce(b.monthly, p.monthly, 0) as monthly,
       coalesce(m.held, 0) as held,
       coalesce(m.spent, 0) as spent,
       greatest(coalesce(b.monthly, p.monthly, 0) - coalesce(m.held, 0) - coalesce(m.spent, 0), 0)
         as budget_left
from accounts.entitlements as e
left join shops.budgets as b on b.user_id = e.user_id
left join shops.plan_budgets as p on p.plan = e.plan
left join shops.budget_months as m on m.user_id = e.user_id and m.month = shops._month();

comment on view shops.budget is
  'What each user may still spend on AI this UTC month, in micro-USD (1,000,000 = 1 USD).';
comment on column shops.budget.user_id is 'The user.';
comment on column shops.budget.month is 'First day of the month.';
comment on column shops.budget.monthly is
  'What may be spent: the user''s own limit, else the plan''s, else nothing.';
comment on column shops.budget.held is 'Ceilings of the calls that are under way.';
comment on column shops.budget.spent is 'What ended calls cost.';
comment on column shops.budget.budget_left is 'What is left.';
