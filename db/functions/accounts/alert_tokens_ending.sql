create or replace function accounts.alert_tokens_ending(p_bound double precision, p_span interval)
returns table (about text, said text, times bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select format('%s %s', c.service, c.account),
         format('The refresh token of %s %s ends on %s: connect it again before.', c.service,
                c.account, to_char(c.refresh_expires_at at time zone 'UTC', 'YYYY-MM-DD')),
         count(*) over (partition by c.service, c.account)
  from accounts.connections as c
  join accounts.services as s on s.service = c.service
  where c.state <> 'revoked' and c.refresh_expires_at <= jobs.clock() + s.alert_before + p_span;
$$;

comment on function accounts.alert_tokens_ending is
  'Rule for jobs.alert_rules: a refresh token ends within accounts.services.alert_before and p_span,
so that a person has to connect the account again.';
