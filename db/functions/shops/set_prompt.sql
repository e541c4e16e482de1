create or replace function shops.set_prompt(p_shop_id uuid, p_type text, p_body text)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id    uuid := shops._owner(p_shop_id);
  v_version    integer;
  v_body       text;
  v_constraint text;
begin
  -- Versions are counted one after the other.
  perform from shops.shops as s where s.shop_id = p_shop_id for no key update;

  select p.version, p.body into v_version, v_body
  from shops.prompts as p
  where p.user_id = v_user_id and p.shop_id = p_shop_id and p.type = p_type
  order by p.version desc
  limit 1;
  if v_body = p_body then
    return v_version;
  end if;

  insert into shops.prompts (user_id, shop_id, type, version, body)
  values (v_user_id, p_shop_id, p_type, coalesce(v_version, 0) + 1, p_body)
  returning version into v_version;
  return v_version;
exception
  when check_violation or not_null_violation then
    get stacked diagnostics v_constraint = constraint_name;
    raise exception using
      errcode = 'SH007',
      message = 'A prompt cannot be like this.',
      detail  = format('type=%s: %s', p_type,
        coalesce(nullif(v_constraint, ''), 'a part of it is missing')),
      hint    = 'Give image, title or description, and a text of up to 4,000 characters with '
                '{niche} in it.';
end;
$$;

comment on function shops.set_prompt is
  'Give a shop a new prompt of a type and return its version; the text in use already gives its '
  'version again. Products keep the version they were planned with. SH001: no such shop. SH007: '
  'an unknown type, or a text without {niche} or too long.';
grant execute on function shops.set_prompt to autom_operator, service_role;
