create or replace function shops._month()
returns date
language sql
stable
parallel safe
as $$
  select pg_catalog.date_trunc('month', jobs.clock() at time zone 'UTC')::date;
$$;

comment on function shops._month is
  'First day of the present month, UTC: what quotas and budgets count by.';
grant execute on function shops._month
  to autom_web, autom_operator, autom_reader, authenticated, service_role;
