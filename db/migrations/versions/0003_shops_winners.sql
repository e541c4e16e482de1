-- Which products win, why, and what is done about it.

-- Rules and verdicts ------------------------------------------------------------------------------

create table shops.winner_rules (
  user_id                     uuid not null,
  shop_id                     uuid not null,
  version                     integer not null,
  winner_rule                 text not null default 'sales',
  winner_units                integer not null default 5,
  bucket_units_3              integer not null default 5,
  bucket_units_7              integer not null default 10,
  bucket_units_10             integer not null default 15,
  bucket_units_14             integer not null default 20,
  min_buckets                 integer not null default 3,
  target_weekly_units         numeric not null default 4,
  break_even_weekly_units     numeric not null default 1,
  prior_shape                 integer not null default 1,
  prior_weekly_units          numeric not null default 1.5,
  posterior_days              integer not null default 7,
  winner_certainty            numeric not null default 0.90,
  keep_certainty              numeric not null default 0.60,
  loser_certainty             numeric not null default 0.90,
  start_phase_days            integer not null default 7,
  winner_ends_after_days      integer not null default 7,
  variations_per_winner       integer not null default 3,
  raise_percent               integer not null default 20,
  raise_cool_down_days        integer not null default 3,
  campaign_budget_limit_minor bigint not null default 10000,
  raise_day_limit_minor       bigint not null default 5000,
  ads_budget_limit_minor      bigint not null default 30000,
  created_at                  timestamptz not null default jobs.clock(),
  primary key (user_id, shop_id, version),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id) on delete cascade,
  constraint winner_rules_version_counts_from_1 check (version > 0),
  constraint winner_rule_is_known check (winner_rule in ('sales', 'buckets', 'posterior')),
  constraint winner_units_is_positive check (winner_units > 0),
  constraint bucket_units_are_not_negative
    check (least(bucket_units_3, bucket_units_7, bucket_units_10, bucket_units_14) >= 0),
  constraint min_buckets_is_1_to_4 check (min_buckets between 1 and 4),
  constraint weekly_units_are_positive
    check (least(target_weekly_units, break_even_weekly_units, prior_weekly_units) > 0),
  constraint weekly_units_are_at_most_1000
    check (greatest(target_weekly_units, break_even_weekly_units, prior_weekly_units) <= 1000),
  constraint prior_shape_is_1_to_100 check (prior_shape between 1 and 100),
  constraint certainties_are_in_order
    check (keep_certainty > 0 and keep_certainty <= winner_certainty and winner_certainty < 1),
  constraint loser_certainty_is_a_probability check (loser_certainty > 0 and loser_certainty < 1),
  constraint days_are_1_to_365
    check (least(posterior_days, start_phase_days, winner_ends_after_days) >= 1
           and greatest(posterior_days, start_phase_days, winner_ends_after_days) <= 365),
  constraint variations_per_winner_is_0_to_20 check (variations_per_winner between 0 and 20),
  constraint raise_percent_is_0_to_20 check (raise_percent between 0 and 20),
  constraint raise_cool_down_days_is_1_to_90 check (raise_cool_down_days between 1 and 90),
  constraint budget_limits_are_not_negative
    check (least(campaign_budget_limit_minor, raise_day_limit_minor, ads_budget_limit_minor) >= 0)
);
comment on table shops.winner_rules is
  'By which rule a shop''s winners are found, and how far they are scaled. A version is never '
  'changed: the highest is in use, and every decision names its own. shops.set_winner_rules makes '
  'the next.';
comment on column shops.winner_rules.user_id is 'The tenant.';
comment on column shops.winner_rules.shop_id is 'The shop.';
comment on column shops.winner_rules.version is 'Counts from 1.';
comment on column shops.winner_rules.winner_rule is
  'sales: units of 7 days; buckets: enough of four windows; posterior: how likely the weekly rate '
  'is high enough.';
comment on column shops.winner_rules.winner_units is 'Rule sales: net units in the last 7 days.';
comment on column shops.winner_rules.bucket_units_3 is
  'Rule buckets: net units in the last 3 days that pass the window.';
comment on column shops.winner_rules.bucket_units_7 is 'Rule buckets: in the last 7 days.';
comment on column shops.winner_rules.bucket_units_10 is 'Rule buckets: in the last 10 days.';
comment on column shops.winner_rules.bucket_units_14 is 'Rule buckets: in the last 14 days.';
comment on column shops.winner_rules.min_buckets is 'Rule buckets: windows that must pass, 1 to 4.';
comment on column shops.winner_rules.target_weekly_units is
  'Rule posterior: units a week that a winner sells.';
comment on column shops.winner_rules.break_even_weekly_units is
  'Rule posterior: units a week under which a product loses money.';
comment on column shops.winner_rules.prior_shape is
  'Rule posterior: shape of the Gamma prior; a whole number keeps the formula exact.';
comment on column shops.winner_rules.prior_weekly_units is
  'Rule posterior: units a week that a new product is expected to sell.';
comment on column shops.winner_rules.posterior_days is
  'Rule posterior: days of tracking before it says anything.';
comment on column shops.winner_rules.winner_certainty is
  'Rule posterior: probability from which a product is a winner.';
comment on column shops.winner_rules.keep_certainty is
  'Rule posterior: a winner stays one down to this probability; from here up to winner_certainty '
  'others are promising.';
comment on column shops.winner_rules.loser_certainty is
  'Rule posterior: probability of selling less than break even from which a product is a loser.';
comment on column shops.winner_rules.start_phase_days is
  'The first days are this many times 24 hours from first tracking.';
comment on column shops.winner_rules.winner_ends_after_days is
  'A winner that fails its rule on this many days in a row is none any more.';
comment on column shops.winner_rules.variations_per_winner is
  'New designs for each new winner; they count against the quota.';
comment on column shops.winner_rules.raise_percent is
  'Step by which a campaign''s daily budget rises, 0 to 20; 0: never.';
comment on column shops.winner_rules.raise_cool_down_days is
  'Days between two raises of a campaign.';
comment on column shops.winner_rules.campaign_budget_limit_minor is
  'No campaign''s daily budget is raised above this, minor units.';
comment on column shops.winner_rules.raise_day_limit_minor is
  'All raises of the shop in one day together, minor units.';
comment on column shops.winner_rules.ads_budget_limit_minor is
  'No raise lifts the shop''s daily budgets together above this, minor units.';
comment on column shops.winner_rules.created_at is 'When this version was made.';
comment on constraint winner_rule_is_known on shops.winner_rules is
  'Give sales, buckets or posterior.';
comment on constraint winner_units_is_positive on shops.winner_rules is
  'Give a whole number from 1.';
comment on constraint bucket_units_are_not_negative on shops.winner_rules is
  'Give whole numbers from 0.';
comment on constraint min_buckets_is_1_to_4 on shops.winner_rules is
  'Give a whole number from 1 to 4.';
comment on constraint weekly_units_are_positive on shops.winner_rules is
  'Give units a week above 0.';
comment on constraint weekly_units_are_at_most_1000 on shops.winner_rules is
  'Give at most 1000 units a week.';
comment on constraint prior_shape_is_1_to_100 on shops.winner_rules is
  'Give a whole number from 1 to 100.';
comment on constraint certainties_are_in_order on shops.winner_rules is
  'Give probabilities between 0 and 1, keep_certainty not above winner_certainty.';
comment on constraint loser_certainty_is_a_probability on shops.winner_rules is
  'Give a probability between 0 and 1.';
comment on constraint days_are_1_to_365 on shops.winner_rules is 'Give whole days from 1 to 365.';
comment on constraint variations_per_winner_is_0_to_20 on shops.winner_rules is
  'Give a whole number from 0 to 20.';
comment on constraint raise_percent_is_0_to_20 on shops.winner_rules is
  'Give a whole number from 0 to 20.';
comment on constraint raise_cool_down_days_is_1_to_90 on shops.winner_rules is
  'Give whole days from 1 to 90.';
comment on constraint budget_limits_are_not_negative on shops.winner_rules is
  'Give amounts in minor units from 0: 10000 is 100.00.';

create table shops.decisions (
  user_id       uuid not null,
  decision_id   bigint generated always as identity,
  shop_id       uuid not null,
  product_id    bigint not null,
  decided_on    date not null,
  verdict       text not null,
  rule          text not null,
  rules_version integer not null,
  inputs        jsonb not null,
  conditions    jsonb not null,
  why           text not null,
  decided_at    timestamptz not null default jobs.clock(),
  primary key (user_id, decision_id),
  foreign key (user_id, shop_id, product_id)
    references shops.products (user_id, shop_id, product_id) on delete cascade,
  foreign key (user_id, shop_id, rules_version)
    references shops.winner_rules (user_id, shop_id, version) on delete cascade,
  constraint decisions_happen_once_a_day unique (user_id, product_id, decided_on),
  constraint decisions_verdict_is_known check (verdict in ('winner', 'kept', 'failing', 'ended'))
);
-- Serves the foreign key to shops.products, and shops.explain.
create index decisions_product_idx
  on shops.decisions (user_id, shop_id, product_id, decided_on desc);
-- Serves the foreign key to shops.winner_rules.
create index decisions_rules_idx on shops.decisions (user_id, shop_id, rules_version);
comment on table shops.decisions is
  'Verdicts on winners with all that they rest on: one a product and day of the shop, taken only '
  'on complete sales. A product that is no winner and becomes none has no row.';
comment on column shops.decisions.user_id is 'The tenant.';
comment on column shops.decisions.decision_id is 'The decision.';
comment on column shops.decisions.shop_id is 'The shop.';
comment on column shops.decisions.product_id is 'The product.';
comment on column shops.decisions.decided_on is
  'The shop''s day; the sales up to its beginning count.';
comment on column shops.decisions.verdict is
  'winner: became one; kept: still is; failing: fails its rule, stays for now; ended: failed too '
  'many days in a row.';
comment on column shops.decisions.rule is 'The rule of the shop: sales, buckets or posterior.';
comment on column shops.decisions.rules_version is 'The version of shops.winner_rules.';
comment on column shops.decisions.inputs is
  'What was known: units of the windows, age, state, plan.';
comment on column shops.decisions.conditions is
  'Every condition of every rule: {"rule", "condition", "value", "threshold", "margin", "pass"}.';
comment on column shops.decisions.why is 'The verdict in one sentence, and what would flip it.';
comment on column shops.decisions.decided_at is 'When it was taken.';

create table shops.campaigns (
  user_id          uuid not null,
  campaign_id      bigint generated always as identity,
  shop_id          uuid not null,
  product_id       bigint not null,
  connection_id    uuid not null,
  ad_account_id    text not null,
  external_id      text not null,
  name             text not null,
  daily_budget     bigint not null,
  currency         text not null,
  paused_by        text,
  paused_reason    text,
  raised_at        timestamptz,
  created_at       timestamptz not null default jobs.clock(),
  primary key (user_id, campaign_id),
  foreign key (user_id, shop_id, product_id)
    references shops.products (user_id, shop_id, product_id) on delete cascade,
  foreign key (user_id, connection_id) references accounts.connections (user_id, connection_id),
  constraint campaigns_are_named_once unique (campaign_id),
  constraint campaigns_are_connected_once unique (user_id, connection_id, external_id),
  constraint campaigns_budget_is_positive check (daily_budget > 0),
  constraint campaigns_currency_is_three_capital_letters check (currency ~ '^[A-Z]{3}$'),
  constraint campaigns_are_paused_by_somebody check (paused_by in ('user', 'rule')),
  constraint campaigns_paused_say_why check ((paused_by is null) = (paused_reason is null))
);
-- Serves shops._plan_raises and the foreign key to shops.products.
create index campaigns_product_idx on shops.campaigns (user_id, shop_id, product_id);
comment on table shops.campaigns is
  'Pinterest campaigns that advertise a product and whose budget AutoM may raise.';
comment on column shops.campaigns.user_id is 'The tenant.';
comment on column shops.campaigns.campaign_id is 'The campaign.';
comment on column shops.campaigns.shop_id is 'The shop.';
comment on column shops.campaigns.product_id is 'The product that it advertises.';
comment on column shops.campaigns.connection_id is
  'The Pinterest connection that it is reached by.';
comment on column shops.campaigns.ad_account_id is 'Pinterest''s id of the ad account.';
comment on column shops.campaigns.external_id is 'Pinterest''s id of the campaign.';
comment on column shops.campaigns.name is 'What people call it.';
comment on column shops.campaigns.daily_budget is 'Daily spend cap in minor units: 1000 is 10.00.';
comment on column shops.campaigns.currency is 'Currency of daily_budget.';
comment on column shops.campaigns.paused_by is
  'Null: nobody here paused it. rule: its product stopped winning. user: a person did. No job '
  'ever restarts one.';
comment on column shops.campaigns.paused_reason is 'Why it is paused.';
comment on column shops.campaigns.raised_at is
  'When AutoM raised it last; the cool-down counts from here.';
comment on column shops.campaigns.created_at is 'When it was connected.';

create table shops.scaling_intents (
  user_id     uuid not null,
  intent_id   bigint generated always as identity,
  shop_id     uuid not null,
  product_id  bigint not null,
  decision_id bigint not null,
  action      text not null,
  target      text not null default '',
  campaign_id bigint,
  from_budget bigint,
  to_budget   bigint,
  currency    text,
  how_many    integer,
  state       text not null,
  reason      text,
  created_at  timestamptz not null default jobs.clock(),
  ended_at    timestamptz,
  primary key (user_id, intent_id),
  foreign key (user_id, shop_id, product_id)
    references shops.products (user_id, shop_id, product_id) on delete cascade,
  foreign key (user_id, decision_id)
    references shops.decisions (user_id, decision_id) on delete cascade,
  foreign key (user_id, campaign_id)
    references shops.campaigns (user_id, campaign_id) on delete cascade,
  constraint scaling_intents_are_named_once unique (intent_id),
  constraint scaling_intents_happen_once unique (user_id, decision_id, action, target),
  constraint scaling_intents_action_is_known
    check (action in ('variations', 'raise_budget', 'expand', 'pause')),
  constraint scaling_intents_state_is_known
    check (state in ('open', 'done', 'refused', 'stopped', 'failed')),
  constraint scaling_intents_say_why_not
    check (state in ('open', 'done') or reason is not null),
  constraint scaling_intents_ended_have_a_time check ((state = 'open') = (ended_at is null)),
  constraint scaling_intents_name_the_campaign
    check ((action in ('raise_budget', 'pause')) = (campaign_id is not null)),
  constraint scaling_intents_raises_are_complete check (
    action <> 'raise_budget'
    or (from_budget > 0 and to_budget >= from_budget and currency is not null)
  ),
  -- The hard limit of one step, whatever the rules say.
  constraint scaling_intents_raise_at_most_20_percent check (to_budget * 5 <= from_budget * 6),
  constraint scaling_intents_variations_are_counted check (action <> 'variations' or how_many >= 0)
);
-- Serves shops.explain and the foreign key to shops.products.
create index scaling_intents_product_idx on shops.scaling_intents (user_id, shop_id, product_id);
-- Serves the foreign key to shops.campaigns; the day's raises of a shop are found by it too.
create index scaling_intents_campaign_idx
  on shops.scaling_intents (user_id, campaign_id, created_at);
comment on table shops.scaling_intents is
  'What is to be done about a winner, or one that ended, and what became of it: each guarded, '
  'each stoppable by shops.stop_intent.';
comment on column shops.scaling_intents.user_id is 'The tenant.';
comment on column shops.scaling_intents.intent_id is 'The intent.';
comment on column shops.scaling_intents.shop_id is 'The shop.';
comment on column shops.scaling_intents.product_id is 'The winner.';
comment on column shops.scaling_intents.decision_id is 'The decision that it follows from.';
comment on column shops.scaling_intents.action is
  'variations: new designs; raise_budget: more for its campaign; expand: onto a further platform; '
  'pause: its campaign, when it ended as a winner.';
comment on column shops.scaling_intents.target is
  'The campaign''s id at Pinterest, or the platform; empty for variations.';
comment on column shops.scaling_intents.campaign_id is 'raise_budget and pause: the campaign.';
comment on column shops.scaling_intents.from_budget is
  'raise_budget: daily budget before, minor units.';
comment on column shops.scaling_intents.to_budget is
  'raise_budget: daily budget wanted, minor units, at most 20 % more.';
comment on column shops.scaling_intents.currency is 'raise_budget: currency of both.';
comment on column shops.scaling_intents.how_many is 'variations: products planned.';
comment on column shops.scaling_intents.state is
  'open, done, refused (a guard said no), stopped (a person did), failed (the service did).';
comment on column shops.scaling_intents.reason is 'Why it is not done.';
comment on column shops.scaling_intents.created_at is 'When it was decided.';
comment on column shops.scaling_intents.ended_at is 'When it ended.';

-- Work -------------------------------------------------------------------------------------------

insert into jobs.kinds
  (kind, queue, prepare, settle, max_attempts, backoff_base, backoff_cap, timeout, effect,
  priority, description)
values
  ('shops.read_orders', 'shopify', 'shops.prepare_read_orders', 'shops.settle_read_orders',
   8, '5 s', '15 min', '60 s', 'natural', 1, 'Read a page of a shop''s changed orders.'),
  ('shops.raise_budget', 'pinterest', 'shops.prepare_raise_budget', 'shops.settle_raise_budget',
   5, '10 s', '15 min', '60 s', 'natural', 2, 'Set the daily budget of a winner''s campaign.'),
  ('shops.pause_campaign', 'pinterest', 'shops.prepare_pause_campaign',
  'shops.settle_pause_campaign',
   8, '10 s', '15 min', '60 s', 'natural', 1,
   'Pause a campaign whose product is no winner any more.');

insert into jobs.schedules (schedule, cron, time_zone, function, catch_up, description)
values
  ('sales_tracker', '0 2 * * *', 'UTC', 'shops.run_sales', 'last',
  'Read every shop''s new and changed orders.'),
  ('winner_scaling', '0 9 * * *', 'UTC', 'shops.run_scaling', 'last',
  'Find winners, and scale them.');
