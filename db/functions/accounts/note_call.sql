create or replace function accounts.note_call(
  p_connection_id uuid,
  p_ok boolean,
  p_error text default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  -- A service that turns a request away has accepted the token it came with.
  v_ok         boolean := p_ok or p_error ~ '^(throttled|not_found|invalid_request)\M';
  v_renewable  boolean;
  v_renewed_at timestamptz;
begin
  update accounts.connections as c
  set last_good_call_at = case when v_ok then jobs.clock() else c.last_good_call_at end,
      last_error        = case when v_ok then c.last_error
        else left(coalesce(p_error, 'unknown error'), 500) end,
      last_error_at     = case when v_ok then c.last_error_at else jobs.clock() end
  where c.connection_id = p_connection_id
    -- A thousand good calls a minute are one write.
    and (
      v_ok is not true
      or c.last_good_call_at is null
      or c.last_good_call_at < jobs.clock() - interval '1 minute'
      or c.last_error_at >= c.last_good_call_at
    );

  if p_error ~ '^unauthorized\M' and not p_ok then
    select coalesce(bool_or(k.field = s.refresh_with), false),
           max(k.stored_at) filter (where k.field = 'access')
    into v_renewable, v_renewed_at
    from accounts.connections as c
    join accounts.services as s on s.service = c.service
    join accounts.secrets as k on k.user_id = c.user_id and k.connection_id = c.connection_id
    where c.connection_id = p_connection_id;

    if not v_renewable then
      update accounts.connections as c
      set state = 'expired'
      where c.connection_id = p_connection_id and c.state = 'connected';
    -- The refusal of a token that was replaced a moment ago says nothing about its successor.
    elsif v_renewed_at < jobs.clock() - interval '10 minutes' then
      perform accounts.refresh(p_connection_id);
    end if;
  end if;
end;
$$;

comment on function accounts.note_call is
  'Note how a call through this connection ended; p_error is "<code>: <reason>" and holds no '
  'secret, 500 characters of it are kept. Good calls are noted at most once a minute, except the '
  'first after an error. A refusal that is not about the token (throttled, not_found, '
  'invalid_request) counts as good. A token that is refused (unauthorized) is renewed where it '
  'can be; else the connection is expired.';
grant execute on function accounts.note_call to autom_worker;
