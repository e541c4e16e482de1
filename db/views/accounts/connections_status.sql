create or replace view accounts.connections_status with (security_invoker = true) as
select c.user_id,
       u.email,
       c.connection_id,
       c.service,
       c.account,
       t.state,
       case
         when t.state = 'revoked' then 'Disconnected: store a token to connect it again.'
         when t.state = 'pending' then 'It has no access token yet.'
         when c.state = 'expired' then 'The token is no longer good: connect it again.'
         when t.state = 'expired' then 'The access token has run out and was not renewed.'
         when t.missing_scopes <> '{}'
           then format('Scopes are missing: %s.', array_to_string(t.missing_scopes, ', '))
         when c.refresh_expires_at <= jobs.clock() + s.alert_before
           then format('The refresh token ends on %s: connect it again before.',
                       to_char(c.refresh_expires_at at time zone 'UTC', 'YYYY-MM-DD'))
         when t.failing then 'The last call failed: see last_error.'
       end as alert,
       c.scopes,
       t.missing_scopes,
       c.expires_at,
       c.refresh_expires_at,
       c.last_good_call_at,
       c.last_error,
       c.last_error_at,
       c.created_at
from accounts.connections as c
join accounts.users as u on u.user_id = c.user_id
join accounts.services as s on s.service = c.service
cross join lateral (
  select case when c.state = 'connected' and c.expires_at <= jobs.clock() then 'expired'
    else c.state end,
         array(
           select n.scope
           from unnest(s.needed_scopes) with ordinality as n (scope, place)
           where c.scopes is not null and n.scope <> all (c.scopes)
           order by n.place
         ),
         coalesce(c.last_error_at > c.last_good_call_at, c.last_error_at is not null)
) as t (state, missing_scopes, failing);

comment on view accounts.connections_status is
  'Every connection and what, if anything, is wrong with it; no secret.';
comment on column accounts.connections_status.state is
  'As in accounts.connections; a token whose time has run out shows as expired.';
comment on column accounts.connections_status.alert is
  'What a person should do about it, the worst first; null = all is well.';
comment on column accounts.connections_status.scopes is
  'What the service has granted; null = it has not said.';
comment on column accounts.connections_status.missing_scopes is
  'Needed scopes that were not granted; empty while it is not known what was.';
comment on column accounts.connections_status.last_good_call_at is 'To the minute.';
