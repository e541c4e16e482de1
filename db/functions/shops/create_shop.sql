create or replace function shops.create_shop(
  p_user_id uuid,
  p_name text,
  p_domain text,
  p_program text default 'pod_autom'
)
returns uuid
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_domain     text := lower(regexp_replace(p_domain, '^\s*(https?://)?|/*\s*$', '', 'gi'));
  v_shop_id    uuid;
  v_constraint text;
begin
  if not exists (select from accounts.entitlements as e where e.user_id = p_user_id) then
    raise exception using
      errcode = 'US002',
      message = 'No such user.',
      detail  = format('user_id=%s', p_user_id);
  end if;

  begin
    insert into shops.shops as s (user_id, program, name, domain)
    values (p_user_id, p_program, p_name, v_domain)
    on conflict on constraint shops_domain_is_once_per_user do update set name = excluded.name
    returning s.shop_id into v_shop_id;
  exception
    when check_violation or not_null_violation then
      get stacked diagnostics v_constraint = constraint_name;
      raise exception using
        errcode = 'SH002',
        message = 'A shop cannot be like this.',
        detail  = format('name=%s domain=%s program=%s: %s', p_name, p_domain, p_program,
                         coalesce(nullif(v_constraint, ''), 'a part of it is missing')),
        hint    = 'Give a name, the host name of the storefront, and pod_autom or reboss.';
  end;

  insert into shops.prompts (user_id, shop_id, type, version, body)
  select p_user_id, v_shop_id, d.type, 1, d.body
  from shops.default_prompts as d
  on conflict do nothing;
  return v_shop_id;
end;
$$;

comment on function shops.create_shop is
  'Add a shop of a user, with the default prompts, and return its shop_id; the same user and '
  'domain give the same shop, renamed. It makes nothing before shops.configure was called once. '
  'US002: no such user. SH002: a name, domain or program that cannot be.';
grant execute on function shops.create_shop to autom_operator, service_role;
