create or replace function shops.remove_niche(p_niche_id bigint)
returns boolean
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with removed as (
    update shops.niches as n set active = false where n.niche_id = p_niche_id
      and n.active returning 1
  )
  select exists (select from removed);
$$;

comment on function shops.remove_niche is
  'Make no more products about a niche; those that exist stay. False where it was not active.';
grant execute on function shops.remove_niche to autom_operator, service_role;
