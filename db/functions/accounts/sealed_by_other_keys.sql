create or replace function accounts.sealed_by_other_keys(
  p_key_id text,
  p_limit integer,
  p_after_user_id uuid default null,
  p_after_connection_id uuid default null,
  p_after_field text default null
)
returns table (user_id uuid, connection_id uuid, field text, sealed text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.user_id, s.connection_id, s.field, s.sealed
  from accounts.secrets as s
  where s.key_id <> p_key_id
    and (
      p_after_user_id is null
      or (s.user_id, s.connection_id, s.field) > (p_after_user_id, p_after_connection_id,
      p_after_field)
    )
  order by s.user_id, s.connection_id, s.field
  limit p_limit;
$$;

comment on function accounts.sealed_by_other_keys is
  'A page of the secrets that another key than p_key_id sealed, after the row given; for the '
  'rotation (autom connect rotate-keys), which seals them again.';
grant execute on function accounts.sealed_by_other_keys to autom_worker;
