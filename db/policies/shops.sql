grant usage on schema shops
  to autom_worker, autom_web, autom_operator, autom_reader, anon, authenticated, service_role;

call accounts.protect('shops');
