create or replace function shops._skipped(p_reasons text[])
returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select string_agg(format('%s: %s', r.reason, r.shops), ', ' order by r.shops desc, r.reason)
  from (
    select u.reason, count(*) as shops from unnest(p_reasons) as u (reason) group by u.reason
  ) as r;
$$;

comment on function shops._skipped is
  'Skip reasons with the number of shops each: "disabled: 3, no_niches: 1"; null where none was '
  'skipped.';
