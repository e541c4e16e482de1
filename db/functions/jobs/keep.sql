create or replace function jobs.keep(p_what text, p_keep interval)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update jobs.retention as t set keep = p_keep where t.what = p_what;
  if not found then
    raise exception using
      errcode = 'JQ023',
      message = 'There is no such retention.',
      detail  = format('what=%s', p_what),
      hint    = 'select what, keep, description from jobs.retention_status;';
  end if;
end;
$$;

comment on function jobs.keep is
  'Say how long something of jobs.retention_status is kept, a day at least. Raises JQ023.';
grant execute on function jobs.keep to autom_operator;
