create or replace function jobs._refuse_kind(p_kind text)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'JQ002',
    message = 'There is no such kind of job.',
    detail  = format('kind=%s', p_kind),
    hint    = 'select kind, description from jobs.kinds;';
end;
$$;

comment on function jobs._refuse_kind is 'Raises JQ002.';
