-- needs: jobs.days
create or replace view jobs.retention_status as
select t.what, t.keep,
       case t.what
         when 'days' then (select min(d.day) from jobs.days as d)::timestamp at time zone 'UTC'
         when 'runs' then (select min(l.started_at) from jobs.run_log as l)
         when 'alerts' then (select min(a.resolved_at) from jobs.alerts as a)
       end as oldest,
       t.description
from jobs.retention as t;

comment on view jobs.retention_status is 'How long things are kept; jobs.keep changes it.';
comment on column jobs.retention_status.keep is 'Counted from the end of what is kept.';
comment on column jobs.retention_status.oldest is 'The oldest that is there; null if none is.';
grant select on jobs.retention_status to autom_worker, autom_operator, autom_reader;
