create or replace view jobs.days as
select p.relname::text as what, c.relname::text as partition, d.day,
       to_char(d.day, 'YYMMDD')::bigint * 1000000000 as first_id,
       to_char(d.day + 1, 'YYMMDD')::bigint * 1000000000 as next_id
from pg_catalog.pg_inherits as i
join pg_catalog.pg_class as p on p.oid = i.inhparent
join pg_catalog.pg_class as c on c.oid = i.inhrelid
cross join lateral (select to_date(right(c.relname, 8), 'YYYYMMDD') as day) as d
where p.relnamespace = 'jobs'::regnamespace and p.relkind = 'p'
  and p.relname in ('jobs', 'history', 'effects') and c.relname ~ '_[0-9]{8}$';

comment on view jobs.days is 'The daily partitions of jobs, history and effects.';
comment on column jobs.days.what is 'jobs, history or effects.';
comment on column jobs.days.first_id is 'The smallest job_id that falls into it.';
comment on column jobs.days.next_id is 'The smallest job_id that no longer does.';
grant select on jobs.days to autom_worker, autom_operator, autom_reader;
