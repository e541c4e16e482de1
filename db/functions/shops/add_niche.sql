create or replace function shops.add_niche(
  p_shop_id uuid,
  p_name text,
  p_priority integer default 0,
  p_daily_limit integer default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id  uuid := shops._owner(p_shop_id);
  v_slug     text := shops._slug(p_name);
  v_limit    integer;
  v_niches   integer;
  v_niche_id bigint;
begin
  -- Two that are added at once are counted one after the other.
  perform from shops.shops as s where s.user_id = v_user_id order by s.shop_id for no key update;

  select e.niches into v_limit
  from accounts.entitlements as e
  where e.user_id = v_user_id and e.active;
  select count(*) into v_niches
  from shops.niches as n
  where n.user_id = v_user_id and n.active and (n.shop_id, n.slug) <> (p_shop_id, v_slug);
  if v_niches >= v_limit then
    raise exception using
      errcode = 'SH006',
      message = 'The plan allows no more niches.',
      detail  = format('user_id=%s active=%s allowed=%s', v_user_id, v_niches, v_limit),
      hint    = 'Remove a niche with shops.remove_niche, or choose a larger plan.';
  end if;

  insert into shops.niches as n (user_id, shop_id, name, slug, priority, daily_limit)
  values (v_user_id, p_shop_id, btrim(p_name), v_slug, p_priority, p_daily_limit)
  on conflict on constraint niches_are_once_per_shop do update
    set name        = excluded.name,
        priority    = excluded.priority,
        daily_limit = excluded.daily_limit,
        active      = true
  returning n.niche_id into v_niche_id;
  return v_niche_id;
end;
$$;

comment on function shops.add_niche is
  'Add a niche to a shop and return its niche_id; a name that is there already is changed and '
  'active again. Higher priorities come first; p_daily_limit null sets no limit of its own. '
  'SH001: no such shop. SH006: the plan allows no more niches.';
grant execute on function shops.add_niche to autom_operator, service_role;
