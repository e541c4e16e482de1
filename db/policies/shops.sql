grant usage on schema shops
  to autom_worker, autom_web, autom_operator, autom_reader, anon, authenticated, service_role;

-- What every caller may know: the rules that are rows.
grant select
  on shops.default_prompts, shops.models, shops.plan_budgets, shops.platforms,
     shops.product_moves, shops.product_states, shops.steps
  to autom_worker, autom_web, autom_operator, autom_reader, anon, authenticated, service_role;

call accounts.protect('shops');

-- Nothing here is secret: staff reads all, a tenant his own rows. What is written goes by
-- functions.
grant select on all tables in schema shops
  to autom_web, autom_operator, autom_reader, authenticated, service_role;
