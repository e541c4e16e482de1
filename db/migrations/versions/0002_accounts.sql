create schema accounts;
comment on schema accounts is
  'Users, plans, subscriptions, connections to outside services, sealed secrets. Knows only jobs.';

create table accounts.plans (
  plan               text primary key,
  products_per_month bigint,
  niches             bigint,
  winner_scaling     boolean not null,
  advanced_analytics boolean not null,
  platforms          text[],
  price              bigint not null,
  currency           text not null,
  constraint plans_products_are_not_negative check (products_per_month >= 0),
  constraint plans_niches_are_not_negative check (niches >= 0),
  constraint plans_price_is_not_negative check (price >= 0),
  constraint plans_currency_has_three_letters check (currency ~ '^[A-Z]{3}$')
);
comment on table accounts.plans is
  'What each tier may do and costs. A new tier or another limit is a row here, nothing else.';
comment on column accounts.plans.products_per_month is
  'Products that may be made in a UTC calendar month, all shops of the user together; null = '
  'unlimited.';
comment on column accounts.plans.niches is 'Active niches, all shops together; null = unlimited.';
comment on column accounts.plans.platforms is 'Platforms that may be used; null = all.';
comment on column accounts.plans.price is
  'Price of a month in minor units: 20000 EUR is 200.00 EUR.';

insert into accounts.plans
  (plan, products_per_month, niches, winner_scaling, advanced_analytics, platforms, price, currency)
values
  ('basis',   100,  5,    false, false, array['pinterest'],         20000, 'EUR'),
  ('premium', 500,  15,   true,  false, array['pinterest', 'meta'], 50000, 'EUR'),
  ('vip',     null, null, true,  true,  null,                       83500, 'EUR');

create table accounts.users (
  user_id    uuid primary key default gen_random_uuid(),
  email      text not null,
  name       text,
  created_at timestamptz not null default jobs.clock(),
  constraint users_happen_once unique (email),
  constraint users_email_is_an_address check (email ~ '^[^@\s]+@[^@\s]+$'),
  constraint users_email_is_in_lower_case check (email = lower(email))
);
comment on table accounts.users is
  'The tenants. Every table that belongs to one leads its keys with user_id.';
comment on column accounts.users.user_id is
  'Equals the "sub" of the caller''s verified token; see accounts.current_user_id.';

create table accounts.subscriptions (
  user_id         uuid not null references accounts.users,
  subscription_id bigint generated always as identity,
  plan            text not null,
  state           text not null,
  period_start    timestamptz not null,
  period_end      timestamptz,
  created_at      timestamptz not null default jobs.clock(),
  ended_at        timestamptz,
  primary key (user_id, subscription_id),
  constraint subscriptions_state_is_known
    check (state in ('trialing', 'active', 'past_due', 'canceled')),
  constraint subscriptions_period_ends_after_it_starts check (period_end > period_start),
  constraint subscriptions_canceled_ones_have_ended
    check ((state = 'canceled') = (ended_at is not null))
);
comment on table accounts.subscriptions is
  'What a user has subscribed to, past and present: at most one that is not canceled. Moves only '
  'through accounts.subscribe.';
comment on column accounts.subscriptions.plan is
  'The tier as it was sold. No foreign key: a payment provider may name one that accounts.plans '
  'does not (yet) know, and accounts.entitlements then grants basis.';
comment on column accounts.subscriptions.period_end is
  'End of the paid or trial period; null = open.';

-- Two live subscriptions of one user cannot be. Serves accounts.subscribe.
create unique index subscriptions_are_live_once on accounts.subscriptions (user_id)
  where state <> 'canceled';

create table accounts.services (
  service         text primary key,
  base_url        text not null,
  api_version     text,
  account_pattern text not null,
  needed_scopes   text[] not null,
  check_kind      text not null,
  refresh_kind    text,
  refresh_with    text,
  refresh_before  interval,
  alert_before    interval not null,
  constraint services_refresh_is_all_or_nothing check (
    (refresh_kind is null) = (refresh_with is null)
      and (refresh_kind is null) = (refresh_before is null)
  ),
  constraint services_refresh_with_is_known check (refresh_with in ('refresh', 'client_secret'))
);
comment on table accounts.services is
  'The outside services that can be connected, with the version of their API that is spoken.';
comment on column accounts.services.base_url is
  'Where calls go; {account} stands for the connection''s account. A connection may name its own.';
comment on column accounts.services.account_pattern is
  'What an account must look like before it may become part of an address.';
comment on column accounts.services.needed_scopes is
  'Scopes that our calls need; accounts.connections_status shows which of them a connection lacks.';
comment on column accounts.services.check_kind is 'Kind of the job that tests a connection.';
comment on column accounts.services.refresh_kind is
  'Kind of the job that renews the access token; null = the token does not run out.';
comment on column accounts.services.refresh_with is 'The secret a renewal needs.';
comment on column accounts.services.refresh_before is
  'A token is renewed when it has less than this to live.';
comment on column accounts.services.alert_before is
  'A refresh token with less than this to live raises an alert.';

insert into accounts.services
  (service, base_url, api_version, account_pattern, needed_scopes,
   check_kind, refresh_kind, refresh_with, refresh_before, alert_before)
values
  ('shopify', 'https://{account}', '2026-10', '^[a-z0-9][a-z0-9-]*\.myshopify\.com$',
   array['write_products', 'read_orders', 'write_files', 'write_publications'],
   -- A token of the client credentials grant lives 24 hours.
   'accounts.check_shopify', 'accounts.refresh_shopify', 'client_secret', '4 hours', '14 days'),
  ('openai', 'https://api.openai.com/v1', null, '^[^\s/]+$', array[]::text[],
   'accounts.check_openai', null, null, null, '14 days'),
  ('pinterest', 'https://api.pinterest.com/v5', null, '^[^\s/]+$',
   array['boards:read', 'boards:write', 'pins:read', 'pins:write', 'user_accounts:read'],
   -- Access tokens live 30 days, refresh tokens 60, and each renewal brings new ones: weekly is
   -- often enough.
   'accounts.check_pinterest', 'accounts.refresh_pinterest', 'refresh', '23 days', '14 days');

create table accounts.connections (
  user_id            uuid not null references accounts.users,
  connection_id      uuid not null default gen_random_uuid(),
  service            text not null references accounts.services,
  account            text not null,
  base_url           text,
  client_id          text,
  state              text not null default 'pending',
  scopes             text[],
  expires_at         timestamptz,
  refresh_expires_at timestamptz,
  refresh_job_id     bigint,
  refresh_until      timestamptz,
  last_good_call_at  timestamptz,
  last_error         text,
  last_error_at      timestamptz,
  created_at         timestamptz not null default jobs.clock(),
  primary key (user_id, connection_id),
  constraint connections_id_is_unique unique (connection_id),
  constraint connections_happen_once unique (user_id, service, account),
  constraint connections_state_is_known
    check (state in ('pending', 'connected', 'expired', 'revoked')),
  constraint connections_account_is_not_blank check (account ~ '\S'),
  constraint connections_base_url_is_an_address check (base_url ~ '^https?://[^\s/]+'),
  constraint connections_last_error_is_short check (length(last_error) <= 500),
  constraint connections_refresh_mark_has_an_end
    check ((refresh_job_id is null) = (refresh_until is null))
);
comment on table accounts.connections is
  'A user''s account at an outside service. Its tokens are in accounts.secrets; people read '
  'accounts.connections_status.';
comment on column accounts.connections.account is
  'The service''s own name of the account: the shop domain, the Pinterest user.';
comment on column accounts.connections.base_url is
  'Replaces that of accounts.services; {account} works here too.';
comment on column accounts.connections.client_id is
  'The OAuth app''s public id, where renewal needs one.';
comment on column accounts.connections.state is
  'pending: no access token yet. connected: has one. expired: the service refuses it and only a '
  'person can renew it. revoked: disconnected by a person.';
comment on column accounts.connections.scopes is
  'What the service has granted; null = it has not said.';
comment on column accounts.connections.expires_at is
  'End of the access token; null = it does not run out.';
comment on column accounts.connections.refresh_job_id is
  'The one job that may be renewing the tokens now, until refresh_until.';

-- Serves accounts.refresh_due and the foreign key to services.
create index connections_service_idx on accounts.connections (service);

create table accounts.secrets (
  user_id       uuid not null,
  connection_id uuid not null,
  field         text not null,
  sealed        text not null,
  key_id        text not null generated always as (split_part(sealed, '.', 2)) stored,
  stored_at     timestamptz not null default jobs.clock(),
  primary key (user_id, connection_id, field),
  foreign key (user_id, connection_id) references accounts.connections on delete cascade,
  constraint secrets_field_is_known check (field in ('access', 'refresh', 'client_secret')),
  -- A key id, then in base64 at least the nonce (12 bytes) and the tag (16 bytes).
  constraint secrets_are_never_plain_text
    check (sealed ~ '^v1\.[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9+/_-]{38,}={0,2}$')
);
comment on table accounts.secrets is
  'The sealed tokens of connections, one a row. Only accounts.credentials and the rotation give '
  'them out, to workers.';
comment on column accounts.secrets.sealed is
  'v1.<key id>.<base64>, made by workers/seal.py for this connection and field; the key is never '
  'in the database.';
comment on column accounts.secrets.key_id is
  'Which of AUTOM_SECRET_KEYS sealed it; see accounts.keys_in_use.';
comment on column accounts.secrets.stored_at is
  'When this token came; sealing it again with another key does not change it.';

insert into jobs.queues (queue, concurrency, description)
values
  ('openai',    16, 'Calls of OpenAI.'),
  ('shopify',   16, 'Calls of Shopify.'),
  ('pinterest', 8,  'Calls of Pinterest.');

insert into jobs.kinds
  (kind, queue, prepare, settle, max_attempts, backoff_base, backoff_cap, timeout, effect,
  priority, description)
values
  ('accounts.check_shopify', 'shopify', 'accounts.prepare_check', 'accounts.settle_check',
   3, '5 seconds', '1 minute', '30 seconds', 'natural', 1,
   'Ask Shopify which scopes the token has and whose shop it is.'),
  ('accounts.check_pinterest', 'pinterest', 'accounts.prepare_check', 'accounts.settle_check',
   3, '5 seconds', '1 minute', '30 seconds', 'natural', 1,
   'Ask Pinterest whose account the token opens.'),
  ('accounts.check_openai', 'openai', 'accounts.prepare_check', 'accounts.settle_check',
   3, '5 seconds', '1 minute', '30 seconds', 'natural', 1,
   'Ask OpenAI for its models, which proves the key.'),
  ('accounts.refresh_shopify', 'shopify', 'accounts.prepare_refresh', 'accounts.settle_refresh',
   8, '10 seconds', '15 minutes', '30 seconds', 'repeatable', 0,
   'Get a new access token from Shopify by client id and secret.'),
  ('accounts.refresh_pinterest', 'pinterest', 'accounts.prepare_refresh', 'accounts.settle_refresh',
   8, '10 seconds', '15 minutes', '30 seconds', 'repeatable', 0,
   'Get new tokens from Pinterest; the refresh token changes too.');

insert into jobs.schedules (schedule, cron, time_zone, function, catch_up, enabled, description)
values
  ('connection_refresh', '*/15 * * * *', 'UTC', 'accounts.refresh_connections', 'last', true,
   'Renews access tokens that are near their end.');

insert into jobs.alert_rules (rule, function, span, severity, description)
values ('tokens_ending', 'accounts.alert_tokens_ending', '0', 'warning',
        'A refresh token ends within accounts.services.alert_before and span: connect it again.');
