create or replace function accounts.prepare_check(
  p_job_id bigint,
  p_payload jsonb,
  p_maybe_sent boolean
)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when c.connection_id is null then jsonb_build_object('give_up', 'The connection is gone.')
    when c.state = 'revoked' then jsonb_build_object('skip', 'The connection is disconnected.')
    when not exists (
      select from accounts.secrets as k
      where k.user_id = c.user_id and k.connection_id = c.connection_id and k.field = 'access'
    ) then jsonb_build_object('give_up', 'The connection has no access token yet.')
    else jsonb_build_object('request', jsonb_build_object(), 'connection_id', c.connection_id)
  end
  from (select (p_payload ->> 'connection_id')::uuid as connection_id) as asked
  left join accounts.connections as c on c.connection_id = asked.connection_id;
$$;

comment on function accounts.prepare_check is
  'Prepares the kinds accounts.check_*. Payload: {"connection_id"}. Reading twice harms nobody, '
  'so p_maybe_sent is not looked at.';
