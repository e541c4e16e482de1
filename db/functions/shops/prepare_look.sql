create or replace function shops.prepare_look(
  p_job_id bigint,
  p_payload jsonb,
  p_maybe_sent boolean
)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (
      select case a.state
        when 'connected'
          then jsonb_build_object('connection_id', a.connection_id, 'request', jsonb_build_object())
        else jsonb_build_object('skip', 'not_connected')
      end
      from shops.shop_connections as c
      join accounts.connections_status as a on a.user_id = c.user_id
        and a.connection_id = c.connection_id
      where c.shop_id = (p_payload ->> 'shop_id')::uuid and c.service = p_payload ->> 'service'
    ),
    jsonb_build_object('skip', 'not_connected')
  );
$$;

comment on function shops.prepare_look is
  'Prepares shops.list_boards and shops.list_collections. Payload: {"shop_id", "service"}.';
