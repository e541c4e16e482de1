create or replace function shops.attach_own(p_shop_id uuid)
returns table (service text, account text, attached boolean, why text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_user_id uuid := shops._owner(p_shop_id);
  v_domain  text := (select s.domain from shops.shops as s where s.shop_id = p_shop_id);
begin
  return query
  with wanted as (
    select w.service, w.place
    from unnest(array['shopify', 'openai', 'pinterest']) with ordinality as w (service, place)
  ),
  choice as materialized (
    select w.service, w.place, c.connection_id, c.account,
           count(c.connection_id) over (partition by w.service) as candidates,
           c.account = v_domain as is_the_shop
    from wanted as w
    left join accounts.connections_status as c
      on c.user_id = v_user_id and c.service = w.service and c.state <> 'revoked'
      -- What another shop sells through is that shop.
      and not exists (
        select
        from shops.shop_connections as k
        where k.user_id = v_user_id and k.connection_id = c.connection_id
          and k.service = 'shopify' and k.shop_id <> p_shop_id
      )
  ),
  chosen as materialized (
    select distinct on (h.place) h.service, h.place, h.connection_id, h.account, h.candidates,
           coalesce(h.is_the_shop or h.candidates = 1, false) as sure
    from choice as h
    order by h.place, h.is_the_shop desc nulls last, h.account
  ),
  done as materialized (
    select h.service, shops.attach(p_shop_id, h.connection_id)
    from chosen as h
    where h.sure
  )
  select h.service,
         case when h.sure then h.account end,
         d.service is not null,
         case
           when h.candidates = 0
             then format('The owner has no free connection: autom connect %s.', h.service)
           when not h.sure then 'There are several: name one, autom shop attach.'
         end
  from chosen as h
  left join done as d on d.service = h.service
  order by h.place;
end;
$$;

comment on function shops.attach_own is
  'Make a shop use its owner''s connections where there is no choice: the only one of a service; '
  'a Shopify one that no other shop uses, and of several that of the shop''s own domain. Returns '
  'each service, whether it is attached, and if not, why. SH001: no such shop.';
grant execute on function shops.attach_own to autom_operator, service_role;
