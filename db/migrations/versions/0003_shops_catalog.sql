-- Shops, their settings and niches, and the products that AutoM makes in them.

create schema shops;
comment on schema shops is
  'Shop automation: settings, niches, prompts, products and their pipeline, quotas, pins, sales '
  'and winners.';

-- Shops ------------------------------------------------------------------------------------------

create table shops.shops (
  user_id    uuid not null references accounts.users (user_id),
  shop_id    uuid not null default gen_random_uuid(),
  program    text not null default 'pod_autom',
  name       text not null,
  domain     text not null,
  time_zone  text not null default 'Europe/Berlin',
  enabled    boolean not null default true,
  created_at timestamptz not null default jobs.clock(),
  primary key (user_id, shop_id),
  constraint shops_are_named_once unique (shop_id),
  constraint shops_domain_is_once_per_user unique (user_id, domain),
  constraint shops_program_is_known check (program in ('pod_autom', 'reboss')),
  constraint shops_name_is_not_empty check (btrim(name) <> ''),
  constraint shops_domain_is_a_host_name
    check (domain = lower(domain) and domain ~ '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?$')
);
comment on table shops.shops is 'A merchant''s shop, and which program runs it.';
comment on column shops.shops.user_id is 'The tenant: the user who owns the shop.';
comment on column shops.shops.shop_id is 'The shop''s id, safe to show outside.';
comment on column shops.shops.program is 'pod_autom makes products, reboss rotates a catalogue.';
comment on column shops.shops.name is 'What people call the shop.';
comment on column shops.shops.domain is
  'Host name of the storefront, in lower case; product links are '
  'https://<domain>/products/<handle>.';
comment on column shops.shops.time_zone is
  'Where the shop''s days begin and end, as in pg_timezone_names.';
comment on column shops.shops.enabled is
  'False stops every job of the shop; the skip reason is then disabled.';
comment on column shops.shops.created_at is 'When the shop was added.';

create table shops.shop_connections (
  user_id       uuid not null,
  shop_id       uuid not null,
  service       text not null,
  connection_id uuid not null,
  primary key (user_id, shop_id, service),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id) on delete cascade,
  foreign key (user_id, connection_id) references accounts.connections (user_id, connection_id),
  constraint shop_connections_service_is_known
    check (service in ('shopify', 'openai', 'pinterest'))
);
-- Serves the foreign key to accounts.connections.
create index shop_connections_connection_idx
  on shops.shop_connections (user_id, connection_id);
comment on table shops.shop_connections is 'Which connection a shop uses for a service: one each.';
comment on column shops.shop_connections.user_id is 'The tenant.';
comment on column shops.shop_connections.shop_id is 'The shop.';
comment on column shops.shop_connections.service is 'shopify, openai or pinterest.';
comment on column shops.shop_connections.connection_id is 'The connection, of the same user.';

-- AI models and what they cost -------------------------------------------------------------------

create table shops.models (
  task               text not null,
  model              text not null,
  quality            text not null default 'any',
  input_per_million  bigint,
  output_per_million bigint,
  per_image          bigint,
  ceiling            bigint not null,
  is_free            boolean not null default false,
  is_default         boolean not null default false,
  enabled            boolean not null default true,
  primary key (task, model, quality),
  constraint models_task_is_known check (task in ('image', 'text')),
  constraint models_quality_is_known check (quality in ('any', 'low', 'medium', 'high')),
  constraint models_text_has_any_quality check (task = 'image' or quality = 'any'),
  constraint models_price_is_not_negative
    check (least(input_per_million, output_per_million, per_image, ceiling) >= 0),
  constraint models_paid_have_a_price check (
    is_free
    or (ceiling > 0
    and (per_image > 0 or (input_per_million > 0 and output_per_million > 0)) is true)
  ),
  constraint models_default_is_enabled check (enabled or not is_default)
);
-- Serves shops._model: one default for each task and quality.
create unique index models_default_is_one on shops.models (task, quality) where is_default;
comment on table shops.models is
  'AI models as rows: what each may be used for and costs. Money is in micro-USD (1,000,000 = 1 '
  'USD).';
comment on column shops.models.task is 'image draws designs, text writes and optimises.';
comment on column shops.models.model is 'The name that the service knows the model by.';
comment on column shops.models.quality is 'Image quality that the price is for; any for text.';
comment on column shops.models.input_per_million is 'Micro-USD for a million input tokens.';
comment on column shops.models.output_per_million is 'Micro-USD for a million output tokens.';
comment on column shops.models.per_image is
  'Micro-USD for one image, where the service charges by the image and not by tokens.';
comment on column shops.models.ceiling is
  'Micro-USD that one call costs at most: what the budget holds before the call, and what an '
  'unknown outcome counts as.';
comment on column shops.models.is_free is
  'True for a model that costs nothing; every other one must have a price.';
comment on column shops.models.is_default is 'Used where the shop''s settings name no model.';
comment on column shops.models.enabled is 'False: no new call uses it.';

-- Settings, niches, prompts ----------------------------------------------------------------------

create table shops.settings (
  user_id             uuid not null,
  shop_id             uuid not null,
  auto_publish        boolean not null default true,
  creation_limit      integer not null default 20,
  default_price_minor bigint not null default 2999,
  currency            text not null default 'EUR',
  vendor              text not null default 'POD AutoM',
  image_model         text,
  image_quality       text not null default 'medium',
  text_model          text,
  pin_limit           integer not null default 20,
  pin_daily_limit     integer not null default 100,
  pin_spread_minutes  integer not null default 240,
  pinterest_board_id  text,
  configured_at       timestamptz not null default jobs.clock(),
  primary key (user_id, shop_id),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id) on delete cascade,
  constraint creation_limit_is_0_to_100 check (creation_limit between 0 and 100),
  constraint default_price_minor_is_positive check (default_price_minor > 0),
  constraint currency_is_three_capital_letters check (currency ~ '^[A-Z]{3}$'),
  constraint vendor_is_not_empty check (btrim(vendor) <> ''),
  constraint image_quality_is_low_medium_or_high check (image_quality in ('low', 'medium', 'high')),
  constraint pin_limit_is_0_to_20 check (pin_limit between 0 and 20),
  constraint pin_daily_limit_is_0_to_500 check (pin_daily_limit between 0 and 500),
  constraint pin_spread_minutes_is_0_to_240 check (pin_spread_minutes between 0 and 240),
  constraint pinterest_board_id_is_digits check (pinterest_board_id ~ '^[0-9]+$')
);
comment on table shops.settings is
  'What a shop''s owner decided. No row: nobody decided yet, and the skip reason is no_settings.';
comment on column shops.settings.user_id is 'The tenant.';
comment on column shops.settings.shop_id is 'The shop.';
comment on column shops.settings.auto_publish is
  'True: an optimised product is published; false: it stays a draft for a person to publish.';
comment on column shops.settings.creation_limit is 'Products to make a day, 0 to 100.';
comment on column shops.settings.default_price_minor is
  'Price of a new product in minor units: 2999 is 29.99.';
comment on column shops.settings.currency is 'Currency of default_price_minor, the shop''s own.';
comment on column shops.settings.vendor is 'Vendor shown on new products.';
comment on column shops.settings.image_model is
  'Model that draws; null: the default row of shops.models.';
comment on column shops.settings.image_quality is 'low, medium or high.';
comment on column shops.settings.text_model is
  'Model that writes; null: the default row of shops.models.';
comment on column shops.settings.pin_limit is 'Pins in one run, at most 20.';
comment on column shops.settings.pin_daily_limit is 'Pins in one day of the shop.';
comment on column shops.settings.pin_spread_minutes is
  'Minutes over which the pins of a run go out, one after the other at even distances; 0: all at '
  'once. The next run comes after 240.';
comment on column shops.settings.pinterest_board_id is
  'Board to pin to, one of shops.boards; null: nothing is pinned.';
comment on column shops.settings.configured_at is 'When a setting was changed last.';
comment on constraint creation_limit_is_0_to_100 on shops.settings is
  'Give a whole number from 0 to 100.';
comment on constraint default_price_minor_is_positive on shops.settings is
  'Give the price in minor units, more than 0: 2999 is 29.99.';
comment on constraint currency_is_three_capital_letters on shops.settings is
  'Give an ISO 4217 code, like EUR.';
comment on constraint vendor_is_not_empty on shops.settings is
  'Give the name that customers see as the maker.';
comment on constraint image_quality_is_low_medium_or_high on shops.settings is
  'Give low, medium or high.';
comment on constraint pin_limit_is_0_to_20 on shops.settings is 'Give a whole number from 0 to 20.';
comment on constraint pin_daily_limit_is_0_to_500 on shops.settings is
  'Give a whole number from 0 to 500.';
comment on constraint pin_spread_minutes_is_0_to_240 on shops.settings is
  'Give whole minutes from 0 to 240.';
comment on constraint pinterest_board_id_is_digits on shops.settings is
  'Give a board_id of shops.boards; Pinterest''s ids are digits.';

create table shops.niches (
  user_id     uuid not null,
  niche_id    bigint generated always as identity,
  shop_id     uuid not null,
  name        text not null,
  slug        text not null,
  active      boolean not null default true,
  priority    integer not null default 0,
  language    text not null default 'en',
  daily_limit integer,
  created_at  timestamptz not null default jobs.clock(),
  primary key (user_id, niche_id),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id) on delete cascade,
  constraint niches_are_once_per_shop unique (user_id, shop_id, slug),
  constraint niches_name_is_not_empty check (btrim(name) <> ''),
  constraint niches_slug_is_usable_in_a_link check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
  constraint niches_daily_limit_is_not_negative check (daily_limit >= 0),
  constraint niches_language_is_two_letters check (language ~ '^[a-z]{2}$')
);
comment on table shops.niches is 'What a shop makes products about.';
comment on column shops.niches.user_id is 'The tenant.';
comment on column shops.niches.niche_id is 'The niche.';
comment on column shops.niches.shop_id is 'The shop it belongs to.';
comment on column shops.niches.name is 'Takes the place of {niche} in a prompt.';
comment on column shops.niches.slug is 'The name as it stands in handles and tags.';
comment on column shops.niches.active is 'Only active niches get products.';
comment on column shops.niches.priority is
  'Higher comes first where a split leaves a remainder, and where the plan allows fewer niches.';
comment on column shops.niches.language is 'Language of title and description, ISO 639-1.';
comment on column shops.niches.daily_limit is 'Products a day at most; null: no limit of its own.';
comment on column shops.niches.created_at is 'When the niche was added.';

create table shops.default_prompts (
  type text primary key,
  body text not null,
  constraint default_prompts_type_is_known check (type in ('image', 'title', 'description')),
  constraint default_prompts_name_the_niche check (position('{niche}' in body) > 0)
);
comment on table shops.default_prompts is 'Version 1 of every new shop''s prompts.';
comment on column shops.default_prompts.type is 'image, title or description.';
comment on column shops.default_prompts.body is 'The text, with the placeholder {niche}.';

create table shops.prompts (
  user_id    uuid not null,
  shop_id    uuid not null,
  type       text not null,
  version    integer not null,
  body       text not null,
  created_at timestamptz not null default jobs.clock(),
  primary key (user_id, shop_id, type, version),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id) on delete cascade,
  constraint prompts_type_is_known check (type in ('image', 'title', 'description')),
  constraint prompts_name_the_niche check (position('{niche}' in body) > 0),
  constraint prompts_are_at_most_4000_characters check (length(body) <= 4000),
  constraint prompts_version_counts_from_1 check (version > 0)
);
comment on table shops.prompts is
  'A shop''s prompts. A version is never changed: the highest is in use, and products keep the '
  'one they were made from.';
comment on column shops.prompts.user_id is 'The tenant.';
comment on column shops.prompts.shop_id is 'The shop.';
comment on column shops.prompts.type is 'image, title or description.';
comment on column shops.prompts.version is 'Counts from 1 for each shop and type.';
comment on column shops.prompts.body is 'The text, with the placeholder {niche}.';
comment on column shops.prompts.created_at is 'When this version was written.';

-- Products ---------------------------------------------------------------------------------------

create table shops.product_states (
  state       text primary key,
  position    integer not null,
  time_limit  interval,
  starts      text[] not null default '{}',
  description text not null,
  constraint product_states_come_in_order unique (position)
);
comment on table shops.product_states is 'The states of a product, in the order of its life.';
comment on column shops.product_states.state is 'The state.';
comment on column shops.product_states.position is 'Where it stands in a product''s life.';
comment on column shops.product_states.time_limit is
  'A product that stays longer is in shops.stuck; null: it may stay for ever.';
comment on column shops.product_states.starts is
  'Origins of products that may begin in this state.';
comment on column shops.product_states.description is 'What is true of a product in this state.';

create table shops.steps (
  kind     text primary key,
  state    text not null references shops.product_states (state),
  service  text not null,
  position integer not null,
  constraint steps_come_in_order unique (position)
);
-- Serves the foreign key to shops.product_states.
create index steps_state_idx on shops.steps (state);
comment on table shops.steps is 'The steps that make a product: one kind of job each.';
comment on column shops.steps.kind is 'The kind of job.';
comment on column shops.steps.state is
  'The state in which a product is when the step is taken; it fails in this state.';
comment on column shops.steps.service is
  'The service that the step calls: the shop''s connection to it is used.';
comment on column shops.steps.position is 'The order of the steps.';

create table shops.product_moves (
  from_state text not null references shops.product_states (state),
  to_state   text not null references shops.product_states (state),
  primary key (from_state, to_state)
);
-- Serves the foreign key of to_state.
create index product_moves_to_idx on shops.product_moves (to_state);
comment on table shops.product_moves is
  'The moves that a product may make; shops.tg_product_moves refuses every other one with SH010.';
comment on column shops.product_moves.from_state is 'The state left.';
comment on column shops.product_moves.to_state is 'The state entered.';

create table shops.products (
  user_id             uuid not null,
  product_id          bigint generated always as identity,
  shop_id             uuid not null,
  niche_id            bigint,
  parent_product_id   bigint,
  origin              text not null,
  run_id              bigint,
  planned_on          date,
  state               text not null references shops.product_states (state),
  state_since         timestamptz not null default jobs.clock(),
  failed_in           text,
  failed_reason       text,
  quota_state         text not null default 'none',
  quota_month         date,
  handle              text not null,
  sku                 text,
  title               text,
  description         text,
  tags                text[] not null default '{}',
  price_minor         bigint,
  currency            text,
  image_version       integer,
  title_version       integer,
  description_version integer,
  optimization_status text,
  resource_url        text,
  product_gid         text,
  variant_gid         text,
  image_url           text,
  shop_status         text,
  first_tracked_at    timestamptz,
  published_at        timestamptz,
  created_at          timestamptz not null default jobs.clock(),
  primary key (user_id, product_id),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id),
  foreign key (user_id, niche_id) references shops.niches (user_id, niche_id),
  foreign key (user_id, parent_product_id) references shops.products (user_id, product_id),
  constraint products_are_named_once unique (product_id),
  -- Sales point at a product of their own shop.
  constraint products_are_of_one_shop unique (user_id, shop_id, product_id),
  constraint products_handle_is_once_per_shop unique (user_id, shop_id, handle),
  constraint products_gid_is_once_per_shop unique (user_id, shop_id, product_gid),
  constraint products_handle_is_not_empty check (handle <> ''),
  constraint products_origin_is_known check (origin in ('planned', 'imported', 'variation')),
  constraint products_variation_has_a_parent
    check (origin <> 'variation' or parent_product_id is not null),
  constraint products_made_here_have_a_niche check (origin = 'imported' or niche_id is not null),
  constraint products_made_here_have_a_day check ((origin = 'imported') = (planned_on is null)),
  constraint products_shop_status_is_known
    check (shop_status in ('DRAFT', 'ACTIVE', 'ARCHIVED', 'UNLISTED')),
  constraint products_optimization_is_known
    check (optimization_status in ('pending', 'optimized', 'failed')),
  constraint products_quota_is_known check (quota_state in ('none', 'held', 'used', 'released')),
  constraint products_quota_has_its_month check ((quota_state = 'none') = (quota_month is null)),
  constraint products_quota_is_for_made_ones check ((origin = 'imported') = (quota_state = 'none')),
  constraint products_hold_quota_until_made
    check (state not in ('planned', 'drawn', 'written', 'uploaded') or quota_state = 'held'),
  constraint products_use_quota_once_made check (
    origin = 'imported'
    or state in ('planned', 'drawn', 'written', 'uploaded', 'failed')
    or quota_state = 'used'
  ),
  constraint products_failed_hold_no_quota check (state <> 'failed' or quota_state <> 'held'),
  constraint products_failed_say_where_and_why
    check (state <> 'failed' or (failed_in is not null and failed_reason is not null)),
  constraint products_made_here_have_a_gid check (
    origin = 'imported'
    or state in ('planned', 'drawn', 'written', 'uploaded', 'failed')
    or product_gid is not null
  ),
  constraint products_price_is_not_negative check (price_minor >= 0),
  constraint products_price_has_a_currency check (price_minor is null or currency is not null),
  constraint products_currency_is_three_capital_letters check (currency ~ '^[A-Z]{3}$')
);
-- Serves shops.plan_creation (made today, by niche) and the foreign key to shops.niches.
create index products_niche_day_idx on shops.products (user_id, niche_id, planned_on);
-- Serves the foreign key to the parent, and shops.explain's list of variations.
create index products_parent_idx on shops.products (user_id, parent_product_id);
-- Serves shops.stuck, shops.run_optimisation and the foreign key to shops.product_states.
create index products_state_idx on shops.products (state, state_since);
-- Serves shops.unsynced, also where only the shop is named: its id alone says whose it is.
create index products_pinnable_idx on shops.products (shop_id, product_id)
  where shop_status = 'ACTIVE' and image_url is not null;
comment on table shops.products is
  'Products: planned and made by AutoM, variations of winners, and imported ones. Move them by '
  'functions only.';
comment on column shops.products.user_id is 'The tenant.';
comment on column shops.products.product_id is 'The product.';
comment on column shops.products.shop_id is 'The shop it is in.';
comment on column shops.products.niche_id is 'What it is about; null for imported ones.';
comment on column shops.products.parent_product_id is 'The winner that this is a variation of.';
comment on column shops.products.origin is
  'planned by a run, imported from a file, or a variation of a winner.';
comment on column shops.products.run_id is
  'The run of jobs.runs that planned it; null: planned by hand.';
comment on column shops.products.planned_on is
  'The shop''s day that it counts for in creation_limit.';
comment on column shops.products.state is 'Where it is in its life: shops.product_states.';
comment on column shops.products.state_since is 'When it entered that state.';
comment on column shops.products.failed_in is
  'The state in which it failed, to which a retry returns it.';
comment on column shops.products.failed_reason is 'Why it failed.';
comment on column shops.products.quota_state is
  'held from planning, used once it exists in the shop, released when it failed before; none for '
  'imported ones.';
comment on column shops.products.quota_month is
  'First day of the UTC month whose quota it counts against.';
comment on column shops.products.handle is
  'Name in the shop''s links, fixed when planned, so that creating it twice makes one.';
comment on column shops.products.sku is 'Stock keeping unit of its variant.';
comment on column shops.products.title is 'Title; at most 70 characters for products made here.';
comment on column shops.products.description is
  'Description: plain text for products made here, the shop''s HTML for imported ones.';
comment on column shops.products.tags is 'All of its tags in the shop.';
comment on column shops.products.price_minor is 'Price in minor units: 2999 is 29.99.';
comment on column shops.products.currency is 'Currency of price_minor.';
comment on column shops.products.image_version is
  'Version of the image prompt that it is made from (shops.prompts).';
comment on column shops.products.title_version is
  'Version of the title prompt that it is made from.';
comment on column shops.products.description_version is
  'Version of the description prompt that it is made from.';
comment on column shops.products.optimization_status is
  'pending, optimized or failed; null: never to be optimised.';
comment on column shops.products.resource_url is
  'Where the design was uploaded to, for the shop to fetch.';
comment on column shops.products.product_gid is 'Shopify''s id of the product.';
comment on column shops.products.variant_gid is 'Shopify''s id of its only variant.';
comment on column shops.products.image_url is
  'Public address of the picture, once the shop has it ready.';
comment on column shops.products.shop_status is
  'DRAFT, ACTIVE, ARCHIVED or UNLISTED, as the shop says; null before it is there.';
comment on column shops.products.first_tracked_at is 'When its sales were first watched; set once.';
comment on column shops.products.published_at is 'When we published it.';
comment on column shops.products.created_at is 'When this row was made.';

create table shops.texts (
  user_id     uuid not null,
  product_id  bigint not null,
  step        text not null,
  title       text not null,
  description text not null,
  tags        text[] not null,
  model       text not null,
  created_at  timestamptz not null default jobs.clock(),
  primary key (user_id, product_id, step),
  foreign key (user_id, product_id) references shops.products (user_id, product_id)
    on delete cascade,
  constraint texts_step_is_known check (step in ('written', 'optimised')),
  constraint texts_title_is_1_to_70_characters check (length(title) between 1 and 70),
  constraint texts_description_is_not_empty check (btrim(description) <> '')
);
comment on table shops.texts is 'What a model wrote for a product, before and after optimisation.';
comment on column shops.texts.user_id is 'The tenant.';
comment on column shops.texts.product_id is 'The product.';
comment on column shops.texts.step is 'written at first, or optimised.';
comment on column shops.texts.title is 'The title.';
comment on column shops.texts.description is 'The description, plain text.';
comment on column shops.texts.tags is 'The tags.';
comment on column shops.texts.model is 'The model that wrote it.';
comment on column shops.texts.created_at is 'When it arrived.';

create table shops.designs (
  user_id    uuid not null,
  product_id bigint not null,
  picture    bytea not null,
  media_type text not null,
  prompt     text not null,
  model      text not null,
  quality    text not null,
  created_at timestamptz not null default jobs.clock(),
  primary key (user_id, product_id),
  foreign key (user_id, product_id) references shops.products (user_id, product_id)
    on delete cascade,
  constraint designs_media_type_is_a_picture
    check (media_type in ('image/png', 'image/jpeg', 'image/webp')),
  constraint designs_picture_is_not_empty check (octet_length(picture) > 0)
);
-- Pictures are compressed already.
alter table shops.designs alter column picture set storage external;
comment on table shops.designs is 'The picture drawn for a product, and what it was drawn from.';
comment on column shops.designs.user_id is 'The tenant.';
comment on column shops.designs.product_id is 'The product.';
comment on column shops.designs.picture is 'The file itself.';
comment on column shops.designs.media_type is 'image/png, image/jpeg or image/webp.';
comment on column shops.designs.prompt is 'The prompt as it was sent.';
comment on column shops.designs.model is 'The model that drew it.';
comment on column shops.designs.quality is 'The quality it was drawn in.';
comment on column shops.designs.created_at is 'When the picture arrived.';
