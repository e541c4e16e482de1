create or replace function jobs._refuse_policy(p_policy text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(p_policy in ('on_success', 'on_any', 'on_failure'), false) then
    return;
  end if;
  raise exception using
    errcode = 'JQ037',
    message = 'There is no such policy.',
    detail  = format('policy=%s', p_policy),
    hint    = 'on_success, on_any or on_failure.';
end;
$$;

comment on function jobs._refuse_policy is
  'Raise JQ037 unless it is one of the policies of who comes after others.';
