-- Nobody may run a function unless its file says so.
alter default privileges revoke execute on functions from public;

-- Roles belong to the whole server: another database of it may make them at this very moment.
do $$
declare
  v_role text;
begin
  foreach v_role in array array[
    'autom_worker', 'autom_web', 'autom_operator', 'autom_reader', 'anon', 'authenticated', 'service_role'
  ] loop
    if not exists (select from pg_catalog.pg_roles as r where r.rolname = v_role) then
      begin
        execute format('create role %I nologin', v_role);
      exception
        when duplicate_object or unique_violation then
          null;
      end;
    end if;
  end loop;
end;
$$;

comment on schema autom is 'Bookkeeping of upgrades: the revision and the code that are in place.';

create schema jobs;
comment on schema jobs is 'The kernel: queue, schedules, runs, limits, clock.';

create function jobs.clock()
returns timestamptz
language sql
stable
parallel safe
as $$ select statement_timestamp() $$;

comment on function jobs.clock is
  'The time that every rule goes by: when the present statement began. Tests move it.';
