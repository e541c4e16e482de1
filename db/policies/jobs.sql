grant usage on schema jobs to autom_worker, autom_web, autom_operator, autom_reader;
grant usage on schema jobs to anon, authenticated, service_role;
grant execute on function jobs.clock to autom_worker, autom_web, autom_operator, autom_reader;
grant execute on function jobs.clock to anon, authenticated, service_role;
grant select, insert, delete on jobs.staging to autom_worker, autom_operator;
