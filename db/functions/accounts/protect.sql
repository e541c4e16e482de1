create or replace procedure accounts.protect(p_schema text)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  v_table  record;
  v_policy name;
begin
  for v_table in
    select c.oid, c.relname, c.oid::regclass as name
    from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped
    where c.relnamespace = p_schema::regnamespace and c.relkind in ('r', 'p')
    order by c.relname
  loop
    execute format('alter table %s enable row level security', v_table.name);
    execute format('alter table %s force row level security', v_table.name);

    for v_policy in select p.polname from pg_policy as p where p.polrelid = v_table.oid loop
      execute format('drop policy %I on %s', v_policy, v_table.name);
    end loop;

    -- Forced row security binds the owner too, and with it every security definer function.
    execute format(
      'create policy %I on %s to current_user using (true) with check (true)',
      v_table.relname || '_owner', v_table.name
    );
    execute format('grant select on %s to autom_operator, autom_reader, service_role',
      v_table.name);
    execute format(
      'create policy %I on %s for select to autom_operator, autom_reader, service_role'
      ' using (true)',
      v_table.relname || '_staff', v_table.name
    );
    execute format(
      'create policy %I on %s for select to authenticated, autom_web'
      ' using (user_id = (select accounts.current_user_id()))',
      v_table.relname || '_own', v_table.name
    );
  end loop;
end;
$$;

comment on procedure accounts.protect is
  'Gives every table of the schema that has a user_id its row security, forced: the owner does '
  'all, staff (autom_operator, autom_reader, service_role) reads all and is granted it, a tenant '
  '(authenticated, autom_web) reads his own rows of what he is granted, everyone else reaches '
  'none. Called first by db/policies/<schema>.sql, which then says what tenants may read and '
  'write, and what staff may not.';
