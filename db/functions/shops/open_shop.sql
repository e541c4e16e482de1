create or replace function shops.open_shop(
  p_user_id uuid,
  p_name text,
  p_domain text,
  p_niches text[] default '{}'
)
returns table (shop_id uuid, service text, account text, attached boolean, why text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_shop_id uuid := shops.create_shop(p_user_id, p_name, p_domain);
begin
  perform shops.configure(v_shop_id, '{}');
  -- The first one named comes first.
  perform shops.add_niche(v_shop_id, n.name, (cardinality(p_niches) - n.place)::integer)
  from unnest(p_niches) with ordinality as n (name, place);
  return query
  select v_shop_id, o.service, o.account, o.attached, o.why
  from shops.attach_own(v_shop_id) as o;
end;
$$;

comment on function shops.open_shop is
  'Add a shop that can begin at once: shops.create_shop, the default settings, its niches, and '
  'its owner''s connections where there is no choice (shops.attach_own). Returns a row for each '
  'service. US002: no such user. SH002: a name or domain that cannot be. SH006: the plan allows '
  'fewer niches.';
grant execute on function shops.open_shop to autom_operator, service_role;
