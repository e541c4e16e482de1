create or replace function accounts.note_call(p_connection_id uuid, p_ok boolean, p_error text default null)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update accounts.connections as c
  set last_good_call_at = case when p_ok then jobs.clock() else c.last_good_call_at end,
      last_error        = case when p_ok then c.last_error else left(coalesce(p_error, 'unknown error'), 500) end,
      last_error_at     = case when p_ok then c.last_error_at else jobs.clock() end
  where c.connection_id = p_connection_id
    -- A thousand good calls a minute are one write.
    and (
      not p_ok
      or c.last_good_call_at is null
      or c.last_good_call_at < jobs.clock() - interval '1 minute'
      or c.last_error_at >= c.last_good_call_at
    );
$$;

comment on function accounts.note_call is
  'Note how a call through this connection ended. Good calls are noted at most once a minute, except the first after an error; of p_error, which holds no secret, 500 characters are kept.';
grant execute on function accounts.note_call to autom_worker;
