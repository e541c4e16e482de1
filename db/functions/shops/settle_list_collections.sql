create or replace function shops.settle_list_collections(
  p_job_id bigint,
  p_payload jsonb,
  p_result jsonb
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_shop_id uuid := (p_payload ->> 'shop_id')::uuid;
begin
  if p_result ->> 'state' <> 'done' then
    return null;
  end if;
  if jsonb_typeof(p_result #> '{answer,collections}') is distinct from 'array' then
    return jsonb_build_object('later', null, 'reason', 'The answer has no list of collections.');
  end if;

  delete from shops.collections as c
  where c.user_id = (select s.user_id from shops.shops as s where s.shop_id = v_shop_id)
    and c.shop_id = v_shop_id;
  insert into shops.collections (user_id, shop_id, collection_gid, handle, title)
  select s.user_id, s.shop_id, c.gid, c.handle, c.title
  from jsonb_to_recordset(p_result #> '{answer,collections}')
    as c (gid text, handle text, title text)
  join shops.shops as s on s.shop_id = v_shop_id
  on conflict do nothing;
  return null;
end;
$$;

comment on function shops.settle_list_collections is
  'Settles shops.list_collections: shops.collections holds exactly what the shop has.';
