create or replace function shops.set_winner_rules(p_shop_id uuid, p_rules jsonb)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_user_id    uuid := shops._owner(p_shop_id);
  v_fixed      text[] := array['user_id', 'shop_id', 'version', 'created_at'];
  v_rules      shops.winner_rules;
  v_unknown    text;
  v_constraint text;
  v_said       text;
begin
  if jsonb_typeof(p_rules) is distinct from 'object' then
    raise exception using
      errcode = 'SH003',
      message = 'A setting has a value that is not allowed.',
      detail  = 'Rules are an object of names and values.',
      hint    = 'Like {"winner_rule": "posterior", "variations_per_winner": 2}.';
  end if;

  -- Two who change the rules take turns.
  perform from shops.shops as s
  where s.user_id = v_user_id and s.shop_id = p_shop_id
  for no key update;
  select r.* into v_rules
  from shops.winner_rules as r
  where r.user_id = v_user_id and r.shop_id = p_shop_id
  order by r.version desc
  limit 1;

  select string_agg(k.name, ', ' order by k.name) into v_unknown
  from jsonb_object_keys(p_rules) as k (name)
  where k.name = any (v_fixed) or not to_jsonb(v_rules) ? k.name;
  if v_unknown is not null then
    raise exception using
      errcode = 'SH004',
      message = 'No such setting.',
      detail  = v_unknown,
      hint    = format('There are %s.', (
        select string_agg(k.name, ', ' order by k.name)
        from jsonb_object_keys(to_jsonb(v_rules) - v_fixed) as k (name)
      ));
  end if;

  if to_jsonb(v_rules) @> p_rules then
    return v_rules.version;
  end if;
  begin
    v_rules := jsonb_populate_record(v_rules, p_rules);
    v_rules.version := v_rules.version + 1;
    v_rules.created_at := jobs.clock();
    insert into shops.winner_rules select v_rules.*;
  exception
    when data_exception or check_violation or not_null_violation then
      get stacked diagnostics v_constraint = constraint_name, v_said = message_text;
      raise exception using
        errcode = 'SH003',
        message = 'A setting has a value that is not allowed.',
        detail  = format('%s: %s', p_rules, coalesce(nullif(v_constraint, ''), v_said)),
        hint    = coalesce(
          (
            select obj_description(c.oid, 'pg_constraint')
            from pg_constraint as c
            where c.conrelid = 'shops.winner_rules'::regclass and c.conname = v_constraint
          ),
          '\d+ shops.winner_rules tells what each rule may be.'
        );
  end;
  return v_rules.version;
end;
$$;

comment on function shops.set_winner_rules is
  'Change winner rules of a shop by name (columns of shops.winner_rules); what is not named '
  'stays. Returns the version that is in use then; earlier decisions keep theirs. SH001: no such '
  'shop. SH003: a value that is not allowed. SH004: no such setting.';
grant execute on function shops.set_winner_rules to autom_operator, service_role;
