create or replace function accounts.current_user_id()
returns uuid
language sql
stable
parallel safe
as $$
  select (nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb
    ->> 'sub')::uuid;
$$;

comment on function accounts.current_user_id is
  'The caller: "sub" of the verified token that the edge puts into request.jwt.claims; null when '
  'nobody is known. A "sub" that is no uuid is an error. Policies call it in a sub-select, so '
  'that it runs once a query.';
grant execute on function accounts.current_user_id
  to autom_worker, autom_web, autom_operator, autom_reader, anon, authenticated, service_role;
