create or replace function shops._lock_quota(p_user_ids uuid[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into shops.quota_months (user_id, month)
  select distinct u.user_id, shops._month()
  from unnest(p_user_ids) as u (user_id)
  order by u.user_id
  on conflict do nothing;

  perform
  from shops.quota_months as q
  where q.user_id = any (p_user_ids) and q.month = shops._month()
  order by q.user_id
  for update;
end;
$$;

comment on function shops._lock_quota is
  'Let nobody else reserve for these users until the transaction ends. Users are locked in key '
  'order, so that planners wait for each other and never deadlock; what is read after this call '
  'is exact.';
