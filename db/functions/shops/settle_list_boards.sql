create or replace function shops.settle_list_boards(
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
  if jsonb_typeof(p_result #> '{answer,boards}') is distinct from 'array' then
    return jsonb_build_object('later', null, 'reason', 'The answer has no list of boards.');
  end if;

  delete from shops.boards as b
  where b.user_id = (select s.user_id from shops.shops as s where s.shop_id = v_shop_id)
    and b.shop_id = v_shop_id;
  insert into shops.boards (user_id, shop_id, board_id, name)
  select s.user_id, s.shop_id, b.id, coalesce(b.name, b.id)
  from jsonb_to_recordset(p_result #> '{answer,boards}') as b (id text, name text)
  join shops.shops as s on s.shop_id = v_shop_id
  on conflict do nothing;
  return null;
end;
$$;

comment on function shops.settle_list_boards is
  'Settles shops.list_boards: shops.boards holds exactly what the connection saw.';
