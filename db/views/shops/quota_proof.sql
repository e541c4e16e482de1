create or replace view shops.quota_proof with (security_invoker = true) as
select coalesce(q.user_id, p.user_id) as user_id,
       coalesce(q.month, p.month) as month,
       coalesce(q.held, 0) as held,
       coalesce(p.held, 0) as held_by_products,
       coalesce(q.used, 0) as used,
       coalesce(p.used, 0) as used_by_products
from shops.quota_months as q
full join (
  select p.user_id,
         p.quota_month as month,
         count(*) filter (where p.quota_state = 'held') as held,
         count(*) filter (where p.quota_state = 'used') as used
  from shops.products as p
  where p.quota_state in ('held', 'used')
  group by p.user_id, p.quota_month
) as p on p.user_id = q.user_id and p.month = q.month
where (coalesce(q.held, 0), coalesce(q.used, 0)) <> (coalesce(p.held, 0), coalesce(p.used, 0));

comment on view shops.quota_proof is
  'Months whose quota totals differ from the products that hold or used it. Empty: every total is '
  'right.';
comment on column shops.quota_proof.user_id is 'The user.';
comment on column shops.quota_proof.month is 'The month.';
comment on column shops.quota_proof.held is 'The total held.';
comment on column shops.quota_proof.held_by_products is 'Products that hold quota of the month.';
comment on column shops.quota_proof.used is 'The total used.';
comment on column shops.quota_proof.used_by_products is 'Products that used quota of the month.';
