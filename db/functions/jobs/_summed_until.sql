create or replace function jobs._summed_until()
returns timestamptz
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (select min(r.hour) from jobs.rolled_hours as r where r.rolled_at is null),
    (select max(r.hour) + interval '1 hour' from jobs.rolled_hours as r),
    case when exists (select from jobs.history as h) then '-infinity'::timestamptz
         else 'infinity' end
  );
$$;

comment on function jobs._summed_until is
  'Up to where the history is summed up, and may be dropped; infinity where there is none.';
