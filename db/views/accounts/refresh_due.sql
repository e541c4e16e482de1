create or replace view accounts.refresh_due with (security_invoker = true) as
select c.user_id, c.connection_id, c.service, c.account, s.refresh_kind, c.expires_at
from accounts.connections as c
join accounts.services as s on s.service = c.service
join accounts.secrets as w
  on w.user_id = c.user_id and w.connection_id = c.connection_id and w.field = s.refresh_with
where c.state in ('pending', 'connected')
  and (
    c.state = 'pending'
    or c.expires_at <= jobs.clock() + s.refresh_before
    -- Nobody said when it ends, and a refresh token that is not used in time is lost.
    or (c.expires_at is null and s.refresh_with = 'refresh')
  )
  and (c.refresh_until is null or c.refresh_until <= jobs.clock());

comment on view accounts.refresh_due is
  'Connections whose access token is missing, near its end (accounts.services.refresh_before) or '
  'of unknown end beside a refresh token, that have what a renewal needs, and that nobody renews '
  'now.';
