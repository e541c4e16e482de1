create or replace function shops.set_budget(p_user_id uuid, p_monthly bigint)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from accounts.entitlements as e where e.user_id = p_user_id) then
    raise exception using
      errcode = 'US002',
      message = 'No such user.',
      detail  = format('user_id=%s', p_user_id);
  end if;
  if p_monthly is null then
    delete from shops.budgets as b where b.user_id = p_user_id;
  else
    insert into shops.budgets (user_id, monthly)
    values (p_user_id, p_monthly)
    on conflict (user_id) do update set monthly = excluded.monthly;
  end if;
end;
$$;

comment on function shops.set_budget is
  'Let a user spend p_monthly micro-USD on AI in a UTC month (1,000,000 = 1 USD); null: what the '
  'plan allows. US002: no such user.';
grant execute on function shops.set_budget to autom_operator, service_role;
