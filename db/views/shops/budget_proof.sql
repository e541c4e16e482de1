create or replace view shops.budget_proof with (security_invoker = true) as
select coalesce(m.user_id, c.user_id) as user_id,
       coalesce(m.month, c.month) as month,
       coalesce(m.held, 0) as held,
       coalesce(c.held, 0) as held_by_calls,
       coalesce(m.spent, 0) as spent,
       coalesce(c.spent, 0) as spent_by_calls
from shops.budget_months as m
full join (
  select c.user_id,
         c.month,
         coalesce(sum(c.ceiling) filter (where c.state = 'open'), 0) as held,
         coalesce(sum(c.cost), 0) as spent
  from shops.ai_calls as c
  group by c.user_id, c.month
) as c on c.user_id = m.user_id and c.month = m.month
where (coalesce(m.held, 0), coalesce(m.spent, 0)) <> (coalesce(c.held, 0), coalesce(c.spent, 0));

comment on view shops.budget_proof is
  'Months whose AI budget totals differ from the calls. Empty: every total is right. Micro-USD.';
comment on column shops.budget_proof.user_id is 'The user.';
comment on column shops.budget_proof.month is 'The month.';
comment on column shops.budget_proof.held is 'The total held.';
comment on column shops.budget_proof.held_by_calls is 'Ceilings of the open calls.';
comment on column shops.budget_proof.spent is 'The total spent.';
comment on column shops.budget_proof.spent_by_calls is 'What ended calls cost.';
