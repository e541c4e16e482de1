create or replace function shops.configure(p_shop_id uuid, p_settings jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id    uuid := shops._owner(p_shop_id);
  v_of_shop    text[] := array['enabled', 'time_zone'];
  v_fixed      text[] := array['user_id', 'shop_id', 'configured_at'];
  v_of_rules   text[];
  v_settings   shops.settings;
  v_unknown    text;
  v_constraint text;
  v_column     text;
  v_said       text;
begin
  if jsonb_typeof(p_settings) is distinct from 'object' then
    raise exception using
      errcode = 'SH003',
      message = 'A setting has a value that is not allowed.',
      detail  = 'Settings are an object of names and values.',
      hint    = 'Like {"creation_limit": 10, "auto_publish": false}.';
  end if;

  select array_agg(a.attname) into v_of_rules
  from pg_attribute as a
  where a.attrelid = 'shops.winner_rules'::regclass and a.attnum > 0 and not a.attisdropped
    and a.attname not in ('user_id', 'shop_id', 'version', 'created_at');

  insert into shops.settings (user_id, shop_id) values (v_user_id, p_shop_id)
    on conflict do nothing;
  select t.* into v_settings
  from shops.settings as t
  where t.user_id = v_user_id and t.shop_id = p_shop_id
  for update;

  select string_agg(k.name, ', ' order by k.name) into v_unknown
  from jsonb_object_keys(p_settings) as k (name)
  where k.name <> all (v_of_shop || v_of_rules)
    and (k.name = any (v_fixed) or not to_jsonb(v_settings) ? k.name);
  if v_unknown is not null then
    raise exception using
      errcode = 'SH004',
      message = 'No such setting.',
      detail  = v_unknown,
      hint    = format('There are %s.', (
        select string_agg(k.name, ', ' order by k.name)
        from (
          select jsonb_object_keys(to_jsonb(v_settings) - v_fixed)
          union all
          select unnest(v_of_shop || v_of_rules)
        ) as k (name)
      ));
  end if;

  begin
    update shops.shops as s
    set enabled   = case when p_settings ? 'enabled' then (p_settings ->> 'enabled')::boolean
      else s.enabled end,
        time_zone = case when p_settings ? 'time_zone' then p_settings ->> 'time_zone'
          else s.time_zone end
    where s.user_id = v_user_id and s.shop_id = p_shop_id;
    -- An unknown zone fails here and not in the middle of a run.
    perform jobs.clock() at time zone s.time_zone from shops.shops as s where s.shop_id = p_shop_id;

    v_settings := jsonb_populate_record(v_settings, p_settings - v_of_shop - v_of_rules);
    v_settings.configured_at := jobs.clock();
    -- A replaced row needs no list of columns: a new setting is a new column and nothing else.
    delete from shops.settings as t where t.user_id = v_user_id and t.shop_id = p_shop_id;
    insert into shops.settings select v_settings.*;
  exception
    when data_exception or check_violation or not_null_violation then
      get stacked diagnostics
        v_constraint = constraint_name, v_column = column_name, v_said = message_text;
      raise exception using
        errcode = 'SH003',
        message = 'A setting has a value that is not allowed.',
        detail  = format('%s: %s', p_settings,
                         coalesce(nullif(v_constraint, ''), nullif(v_column, '') || ' is missing',
                           v_said)),
        hint    = coalesce(
          (
            select obj_description(c.oid, 'pg_constraint')
            from pg_constraint as c
            where c.conrelid = 'shops.settings'::regclass and c.conname = v_constraint
          ),
          '\d+ shops.settings tells what each setting may be.'
        );
  end;

  if p_settings ?| v_of_rules then
    perform shops.set_winner_rules(p_shop_id, jsonb_object_agg(r.name, r.value))
    from jsonb_each(p_settings) as r (name, value)
    where r.name = any (v_of_rules);
  end if;

  select string_agg(m.model, ', ') into v_unknown
  from (values ('image', v_settings.image_model), ('text', v_settings.text_model))
    as m (task, model)
  where m.model is not null
    and not exists (
      select from shops.models as k where k.task = m.task and k.model = m.model and k.enabled
    );
  if v_unknown is not null then
    raise exception using
      errcode = 'SH003',
      message = 'A setting has a value that is not allowed.',
      detail  = format('No enabled model: %s', v_unknown),
      hint    = 'select task, model from shops.models where enabled;';
  end if;
end;
$$;

comment on function shops.configure is
  'Change settings of a shop by name (columns of shops.settings and shops.winner_rules, and '
  'enabled and time_zone of the shop); what is not named stays, {} accepts the defaults. SH001: '
  'no such shop. SH003: a value that is not allowed. SH004: no such setting.';
grant execute on function shops.configure to autom_operator, service_role;
