create or replace function accounts.credentials(p_connection_id uuid)
returns table (
  connection_id uuid, user_id uuid, service text, account text, base_url text, api_version text,
  client_id text, access text, refresh text, client_secret text, scopes text[],
  expires_at timestamptz
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select c.connection_id,
         c.user_id,
         c.service,
         c.account,
         replace(coalesce(c.base_url, v.base_url), '{account}', c.account),
         v.api_version,
         c.client_id,
         s.access,
         s.refresh,
         s.client_secret,
         c.scopes,
         c.expires_at
  from accounts.connections as c
  join accounts.services as v on v.service = c.service
  cross join lateral (
    select max(k.sealed) filter (where k.field = 'access')        as access,
           max(k.sealed) filter (where k.field = 'refresh')       as refresh,
           max(k.sealed) filter (where k.field = 'client_secret') as client_secret
    from accounts.secrets as k
    where k.user_id = c.user_id and k.connection_id = c.connection_id
  ) as s
  where c.connection_id = p_connection_id and c.state <> 'revoked';
$$;

comment on function accounts.credentials is
  'What a worker needs to call as this connection: where, and the sealed tokens, which only a '
  'holder of AUTOM_SECRET_KEYS can open. No row: there is no such connection, or it was '
  'disconnected.';
grant execute on function accounts.credentials to autom_worker;
