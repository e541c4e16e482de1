-- needs: accounts.entitlements, accounts.connections_status
create or replace view accounts.overview with (security_invoker = true) as
select u.user_id,
       u.email,
       u.name,
       e.plan,
       e.active,
       e.why,
       coalesce(n.connections, 0) as connections,
       coalesce(n.alerts, 0) as alerts,
       u.created_at
from accounts.users as u
join accounts.entitlements as e on e.user_id = u.user_id
left join (
  select c.user_id, count(*)::integer as connections, count(c.alert)::integer as alerts
  from accounts.connections_status as c
  where c.state <> 'revoked'
  group by c.user_id
) as n on n.user_id = u.user_id;

comment on view accounts.overview is
  'The users: who they are, what they may do and why, how many connections they have and how many '
  'of those need a person.';
