grant usage on schema accounts
  to autom_worker, autom_web, autom_operator, autom_reader, anon, authenticated, service_role;

-- What every caller may know: the tiers and the services.
grant select on accounts.plans, accounts.services
  to autom_worker, autom_web, autom_operator, autom_reader, anon, authenticated, service_role;

call accounts.protect('accounts');

grant select on accounts.users, accounts.subscriptions, accounts.connections
  to autom_web, authenticated;

-- Which key sealed what, never the sealed text.
revoke select on accounts.secrets from autom_operator, autom_reader, service_role;
grant select (user_id, connection_id, field, key_id, stored_at) on accounts.secrets
  to autom_operator, autom_reader, service_role;

-- A tenant names himself. All else, money and plans and states and tokens, moves by functions.
grant update (name) on accounts.users to autom_web, authenticated;
create policy users_own_name on accounts.users for update to autom_web, authenticated
  using (user_id = (select accounts.current_user_id()))
  with check (user_id = (select accounts.current_user_id()));

grant select on accounts.entitlements, accounts.connections_status, accounts.overview
  to autom_web, autom_operator, autom_reader, authenticated, service_role;
grant select on accounts.refresh_due, accounts.keys_in_use
  to autom_operator, autom_reader, service_role;
