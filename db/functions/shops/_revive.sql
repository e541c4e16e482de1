create or replace function shops._revive(p_user_id uuid, p_product_id bigint)
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_hold boolean;
begin
  select p.quota_state = 'released' into v_hold
  from shops.products as p
  where p.user_id = p_user_id and p.product_id = p_product_id and p.state = 'failed'
  for update;

  if v_hold then
    perform shops._lock_quota(array[p_user_id]);
    if not exists (
      select
      from shops.quota as q
      join accounts.entitlements as e on e.user_id = q.user_id and e.active
      where q.user_id = p_user_id and (q.quota_left is null or q.quota_left > 0)
    ) then
      return 'monthly_limit_reached';
    end if;
    update shops.quota_months as q
    set held = q.held + 1
    where q.user_id = p_user_id and q.month = shops._month();
  end if;

  update shops.products as p
  set state         = p.failed_in,
      failed_in     = null,
      failed_reason = null,
      optimization_status = case when p.optimization_status = 'failed' then 'pending'
        else p.optimization_status end,
      quota_state   = case when v_hold then 'held' else p.quota_state end,
      quota_month   = case when v_hold then shops._month() else p.quota_month end
  where p.user_id = p_user_id and p.product_id = p_product_id and p.state = 'failed';
  return null;
end;
$$;

comment on function shops._revive is
  'Return a failed product to the state in which it failed, holding quota for it again where its '
  'own was released; the answer is why not, or null.';
