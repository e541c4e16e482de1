create or replace view jobs.functions as
select p.oid::regproc as function, pg_get_function_arguments(p.oid) as arguments,
       obj_description(p.oid, 'pg_proc') as what
from pg_proc as p
join pg_namespace as n on n.oid = p.pronamespace
where n.nspname in ('jobs', 'accounts', 'shops') and p.proname !~ '^(_|tg_)'
order by n.nspname = 'jobs' desc, n.nspname, p.proname;

comment on view jobs.functions is
  'The manual: what there is to be called, of all schemas, and what it promises.';
comment on column jobs.functions.what is 'What it does, returns and raises; units are named there.';
grant select on jobs.functions to autom_operator, autom_reader;
