create or replace function accounts.reseal(
  p_connection_ids uuid[], p_fields text[], p_old text[], p_new text[]
)
returns integer
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with resealed as (
    update accounts.secrets as s
    set sealed = n.new
    from (
      select c.user_id, c.connection_id, r.field, r.old, r.new
      from unnest(p_connection_ids, p_fields, p_old, p_new) as r (connection_id, field, old, new)
      join accounts.connections as c on c.connection_id = r.connection_id
    ) as n
    where s.user_id = n.user_id
      and s.connection_id = n.connection_id
      and s.field = n.field
      -- A token that was renewed meanwhile is not the one that was sealed again.
      and s.sealed = n.old
    returning 1
  )
  select count(*)::integer from resealed;
$$;

comment on function accounts.reseal is
  'Replace sealed texts by the same secrets sealed with another key; return how many. The four '
  'arrays are read in step; a row that no longer holds p_old is left alone.';
grant execute on function accounts.reseal to autom_worker;
