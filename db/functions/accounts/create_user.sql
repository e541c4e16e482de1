create or replace function accounts.create_user(
  p_email text, p_name text default null, p_user_id uuid default null
)
returns uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id uuid;
begin
  insert into accounts.users (user_id, email, name)
  values (coalesce(p_user_id, gen_random_uuid()), lower(p_email), p_name)
  on conflict do nothing
  returning users.user_id into v_user_id;
  if v_user_id is null then
    raise exception using
      errcode = 'US001',
      message = 'This user exists already.',
      detail  = format('email=%s user_id=%s', p_email, p_user_id),
      hint    = 'select * from accounts.overview;';
  end if;
  return v_user_id;
end;
$$;

comment on function accounts.create_user is
  'Make a user (a tenant) and return its user_id. p_user_id takes over an id that exists '
  'elsewhere, such as the one of an identity provider. The e-mail address is kept in lower case. '
  'US001: the address or the id is taken.';
grant execute on function accounts.create_user to autom_operator, service_role;
