-- What AutoM spends (quota, AI budget), decides (runs) and shows elsewhere (pins).

-- Quota and AI budget ----------------------------------------------------------------------------

create table shops.quota_months (
  user_id uuid not null references accounts.users (user_id),
  month   date not null,
  held    integer not null default 0,
  used    integer not null default 0,
  primary key (user_id, month),
  constraint quota_month_is_the_first_of_a_month check (extract(day from month) = 1),
  constraint quota_held_is_not_negative check (held >= 0),
  constraint quota_used_is_not_negative check (used >= 0)
);
comment on table shops.quota_months is
  'A user''s products of a UTC month: the row is the lock under which planners reserve. '
  'shops.quota_proof compares it with its parts.';
comment on column shops.quota_months.user_id is 'The tenant.';
comment on column shops.quota_months.month is 'First day of the month, UTC.';
comment on column shops.quota_months.held is 'Products planned and not there yet.';
comment on column shops.quota_months.used is 'Products made.';

create table shops.plan_budgets (
  plan    text primary key,
  monthly bigint not null,
  constraint plan_budgets_are_not_negative check (monthly >= 0)
);
comment on table shops.plan_budgets is
  'What a plan''s users may spend on AI in a month, where shops.budgets has no row of theirs.';
comment on column shops.plan_budgets.plan is 'The plan, as accounts.entitlements names it.';
comment on column shops.plan_budgets.monthly is 'Micro-USD in a UTC month.';

create table shops.budgets (
  user_id uuid primary key references accounts.users (user_id),
  monthly bigint not null,
  constraint budgets_are_not_negative check (monthly >= 0)
);
comment on table shops.budgets is 'A user''s own limit of AI cost, in place of the plan''s.';
comment on column shops.budgets.user_id is 'The tenant.';
comment on column shops.budgets.monthly is 'Micro-USD in a UTC month.';

create table shops.budget_months (
  user_id uuid not null references accounts.users (user_id),
  month   date not null,
  held    bigint not null default 0,
  spent   bigint not null default 0,
  primary key (user_id, month),
  constraint budget_month_is_the_first_of_a_month check (extract(day from month) = 1),
  constraint budget_held_is_not_negative check (held >= 0),
  constraint budget_spent_is_not_negative check (spent >= 0)
);
comment on table shops.budget_months is
  'A user''s AI cost of a UTC month, in micro-USD: the row is the lock under which calls are '
  'allowed. shops.budget_proof compares it with its parts.';
comment on column shops.budget_months.user_id is 'The tenant.';
comment on column shops.budget_months.month is 'First day of the month, UTC.';
comment on column shops.budget_months.held is 'Ceilings of the calls that are under way.';
comment on column shops.budget_months.spent is 'What ended calls cost.';

create table shops.ai_calls (
  user_id       uuid not null,
  ai_call_id    bigint generated always as identity,
  shop_id       uuid not null,
  product_id    bigint not null,
  job_id        bigint not null,
  month         date not null,
  task          text not null,
  model         text not null,
  quality       text not null,
  input_hash    text not null,
  state         text not null default 'open',
  ceiling       bigint not null,
  cost          bigint,
  input_tokens  bigint,
  output_tokens bigint,
  request_id    text,
  started_at    timestamptz not null default jobs.clock(),
  ended_at      timestamptz,
  primary key (user_id, ai_call_id),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id),
  foreign key (user_id, product_id)
    references shops.products (user_id, product_id) on delete cascade,
  foreign key (task, model, quality) references shops.models (task, model, quality),
  constraint ai_calls_state_is_known check (state in ('open', 'paid', 'not_charged', 'unknown')),
  constraint ai_calls_ended_have_a_cost check ((state = 'open') = (cost is null)),
  constraint ai_calls_cost_is_not_negative check (cost >= 0)
);
-- Serves shops._open_ai_call and shops._close_ai_call: one call at a time for a job.
create unique index ai_calls_are_open_once_per_job on shops.ai_calls (job_id) where state = 'open';
-- Serves shops.api_costs, shops.budget_proof and the foreign key to shops.shops.
create index ai_calls_shop_month_idx on shops.ai_calls (user_id, shop_id, month);
-- Serves shops.explain and the foreign key to shops.products.
create index ai_calls_product_idx on shops.ai_calls (user_id, product_id);
-- Serves the foreign key to shops.models.
create index ai_calls_model_idx on shops.ai_calls (task, model, quality);
comment on table shops.ai_calls is 'Every call of an AI model and its cost in micro-USD.';
comment on column shops.ai_calls.user_id is 'The tenant.';
comment on column shops.ai_calls.ai_call_id is 'The call.';
comment on column shops.ai_calls.shop_id is 'The shop it was for.';
comment on column shops.ai_calls.product_id is 'The product it was for.';
comment on column shops.ai_calls.job_id is 'The job that called.';
comment on column shops.ai_calls.month is
  'First day of the UTC month whose budget it counts against.';
comment on column shops.ai_calls.task is 'image or text.';
comment on column shops.ai_calls.model is 'The model.';
comment on column shops.ai_calls.quality is 'Image quality; any for text.';
comment on column shops.ai_calls.input_hash is 'SHA-256 of what was asked, in hex.';
comment on column shops.ai_calls.state is
  'open while under way, paid, not_charged (the service refused), or unknown (it may have been '
  'charged: counts as its ceiling).';
comment on column shops.ai_calls.ceiling is 'What it could cost at most when it was allowed.';
comment on column shops.ai_calls.cost is
  'What it cost: usage times the model''s prices at that time, rounded up.';
comment on column shops.ai_calls.input_tokens is 'Input tokens, as the service counted.';
comment on column shops.ai_calls.output_tokens is 'Output tokens, as the service counted.';
comment on column shops.ai_calls.request_id is 'The service''s id of the request.';
comment on column shops.ai_calls.started_at is 'When the call was allowed.';
comment on column shops.ai_calls.ended_at is 'When its outcome was known.';

-- Runs and their decisions -----------------------------------------------------------------------

create table shops.shop_runs (
  user_id     uuid not null,
  shop_run_id bigint generated always as identity,
  shop_id     uuid not null,
  job         text not null,
  run_id      bigint,
  status      text not null,
  items       integer not null default 0,
  skip_reason text,
  error       text,
  ran_at      timestamptz not null default jobs.clock(),
  primary key (user_id, shop_run_id),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id) on delete cascade,
  constraint shop_runs_happen_once unique (user_id, shop_id, job, run_id),
  constraint shop_runs_status_is_known
    check (status in ('running', 'succeeded', 'skipped', 'failed')),
  constraint shop_runs_skipped_say_why check ((status = 'skipped') = (skip_reason is not null)),
  constraint shop_runs_failed_say_why check (status <> 'failed' or error is not null),
  constraint shop_runs_items_are_not_negative check (items >= 0)
);
-- Serves shops.job_status: the last run of each shop and job.
create index shop_runs_last_idx on shops.shop_runs (user_id, shop_id, job, shop_run_id desc);
-- Serves shops.run_creation, which forgets old ones.
create index shop_runs_age_idx on shops.shop_runs (ran_at);
comment on table shops.shop_runs is
  'What a run decided for one shop: how much to do, or why nothing.';
comment on column shops.shop_runs.user_id is 'The tenant.';
comment on column shops.shop_runs.shop_run_id is 'The row; later runs have higher ones.';
comment on column shops.shop_runs.shop_id is 'The shop.';
comment on column shops.shop_runs.job is 'The schedule''s name, like product_creation.';
comment on column shops.shop_runs.run_id is 'The run of jobs.runs; null: started by hand.';
comment on column shops.shop_runs.status is
  'running while its work is not done, succeeded, skipped or failed.';
comment on column shops.shop_runs.items is
  'What the run decided to do: products planned, pins queued, pages to read.';
comment on column shops.shop_runs.skip_reason is 'Why there was nothing to do.';
comment on column shops.shop_runs.error is 'The last failure of this run in this shop.';
comment on column shops.shop_runs.ran_at is 'When the decision was taken.';

create table shops.creation_plans (
  user_id          uuid not null,
  creation_plan_id bigint generated always as identity,
  shop_run_id      bigint not null,
  niche_id         bigint,
  how_many         integer not null,
  why              text not null,
  quota_left       bigint,
  primary key (user_id, creation_plan_id),
  foreign key (user_id, shop_run_id)
    references shops.shop_runs (user_id, shop_run_id) on delete cascade,
  foreign key (user_id, niche_id) references shops.niches (user_id, niche_id) on delete cascade,
  constraint creation_plans_are_not_negative check (how_many >= 0)
);
-- Serves the foreign key to shops.shop_runs.
create index creation_plans_run_idx on shops.creation_plans (user_id, shop_run_id);
-- Serves the foreign key to shops.niches.
create index creation_plans_niche_idx on shops.creation_plans (user_id, niche_id);
comment on table shops.creation_plans is
  'The plan that a run of product_creation applied, row by row, with the reason.';
comment on column shops.creation_plans.user_id is 'The tenant.';
comment on column shops.creation_plans.creation_plan_id is 'The row.';
comment on column shops.creation_plans.shop_run_id is 'The run and shop that it belongs to.';
comment on column shops.creation_plans.niche_id is 'The niche; null where the shop was skipped.';
comment on column shops.creation_plans.how_many is 'Products planned.';
comment on column shops.creation_plans.why is 'The skip reason, or what the number comes from.';
comment on column shops.creation_plans.quota_left is
  'The user''s quota left after the whole plan; null: unlimited.';

-- Platforms and pins -----------------------------------------------------------------------------

create table shops.platforms (
  platform     text primary key,
  service      text not null,
  repeat_after interval not null,
  attempts     integer not null,
  description  text not null,
  constraint platforms_try_at_least_once check (attempts > 0)
);
comment on table shops.platforms is 'Where products are shown besides the shop.';
comment on column shops.platforms.platform is 'The platform, as accounts.entitlements names it.';
comment on column shops.platforms.service is 'The service whose connection it needs.';
comment on column shops.platforms.repeat_after is
  'A link that went there, or may have, goes again at the earliest after this time.';
comment on column shops.platforms.attempts is
  'A product is tried this often; then it is left alone.';
comment on column shops.platforms.description is 'What it is.';

create table shops.syncs (
  user_id     uuid not null,
  sync_id     bigint generated always as identity,
  product_id  bigint not null,
  shop_id     uuid not null,
  platform    text not null references shops.platforms (platform),
  state       text not null default 'queued',
  target      text not null,
  link        text not null,
  tag         text not null,
  external_id text,
  reason      text,
  queued_at   timestamptz not null default jobs.clock(),
  ended_at    timestamptz,
  primary key (user_id, sync_id),
  foreign key (user_id, product_id)
    references shops.products (user_id, product_id) on delete cascade,
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id),
  constraint syncs_are_named_once unique (sync_id),
  constraint syncs_state_is_known
    check (state in ('queued', 'done', 'failed', 'given_up', 'skipped', 'unknown')),
  constraint syncs_done_have_the_provider_s_id check ((state = 'done') = (external_id is not null)),
  constraint syncs_not_done_say_why
    check (state in ('queued', 'done') or reason is not null),
  constraint syncs_ended_have_a_time check ((state = 'queued') = (ended_at is null))
);
-- Serves shops.unsynced and the foreign key to shops.products.
create index syncs_product_idx on shops.syncs (user_id, product_id, platform, state);
-- Serves shops.run_pins (pins of the day) and the foreign key to shops.shops.
create index syncs_shop_idx on shops.syncs (user_id, shop_id, queued_at);
-- Serves the foreign key to shops.platforms.
create index syncs_platform_idx on shops.syncs (platform);
-- One at a time for a product and platform.
create unique index syncs_are_queued_once on shops.syncs (user_id, product_id, platform)
  where state = 'queued';
comment on table shops.syncs is 'Each attempt to show a product on a platform, and how it ended.';
comment on column shops.syncs.user_id is 'The tenant.';
comment on column shops.syncs.sync_id is 'The attempt.';
comment on column shops.syncs.product_id is 'The product.';
comment on column shops.syncs.shop_id is 'Its shop.';
comment on column shops.syncs.platform is 'Where to.';
comment on column shops.syncs.state is
  'queued, done (the platform gave an id), failed (another run may try again), given_up, skipped '
  '(not wanted any more), or unknown (it may be there).';
comment on column shops.syncs.target is 'What it was put on: a Pinterest board''s id.';
comment on column shops.syncs.link is 'The product''s page, without our tag.';
comment on column shops.syncs.tag is 'Our mark in the link''s query, by which it is found again.';
comment on column shops.syncs.external_id is 'The platform''s id of what was made.';
comment on column shops.syncs.reason is 'Why it did not succeed.';
comment on column shops.syncs.queued_at is 'When it was decided.';
comment on column shops.syncs.ended_at is 'When it ended.';

create table shops.platform_stops (
  user_id    uuid not null,
  shop_id    uuid not null,
  platform   text not null references shops.platforms (platform),
  reason     text not null,
  stopped_at timestamptz not null default jobs.clock(),
  primary key (user_id, shop_id, platform),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id) on delete cascade
);
-- Serves the foreign key to shops.platforms.
create index platform_stops_platform_idx on shops.platform_stops (platform);
comment on table shops.platform_stops is
  'Shops that a platform called spam: nothing goes there until shops.resume_platform.';
comment on column shops.platform_stops.user_id is 'The tenant.';
comment on column shops.platform_stops.shop_id is 'The shop.';
comment on column shops.platform_stops.platform is 'The platform.';
comment on column shops.platform_stops.reason is 'What the platform said.';
comment on column shops.platform_stops.stopped_at is 'Since when.';

create table shops.boards (
  user_id  uuid not null,
  shop_id  uuid not null,
  board_id text not null,
  name     text not null,
  seen_at  timestamptz not null default jobs.clock(),
  primary key (user_id, shop_id, board_id),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id) on delete cascade
);
comment on table shops.boards is
  'The Pinterest boards that a shop''s connection saw when it looked last.';
comment on column shops.boards.user_id is 'The tenant.';
comment on column shops.boards.shop_id is 'The shop.';
comment on column shops.boards.board_id is 'Pinterest''s id.';
comment on column shops.boards.name is 'Its name.';
comment on column shops.boards.seen_at is 'When it was last in the list.';

create table shops.collections (
  user_id        uuid not null,
  shop_id        uuid not null,
  collection_gid text not null,
  handle         text not null,
  title          text not null,
  seen_at        timestamptz not null default jobs.clock(),
  primary key (user_id, shop_id, collection_gid),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id) on delete cascade
);
comment on table shops.collections is 'The collections that a shop had when it was last looked at.';
comment on column shops.collections.user_id is 'The tenant.';
comment on column shops.collections.shop_id is 'The shop.';
comment on column shops.collections.collection_gid is 'Shopify''s id.';
comment on column shops.collections.handle is 'Its name in links.';
comment on column shops.collections.title is 'Its title.';
comment on column shops.collections.seen_at is 'When it was last in the list.';
