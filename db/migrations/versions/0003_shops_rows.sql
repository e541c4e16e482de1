-- The rows that the shops start with: states, steps, models and their prices, budgets, platforms.

insert into shops.product_states (state, position, time_limit, starts, description)
values
  ('planned',   1,  '6 hours', '{planned,variation}',
  'Quota is held for it; nothing was made yet.'),
  ('drawn',     2,  '6 hours', '{}',         'Its design is drawn.'),
  ('written',   3,  '6 hours', '{}',         'It has a title, a description and tags.'),
  ('uploaded',  4,  '6 hours', '{}',         'Its design is where the shop can fetch it.'),
  ('created',   5,  '2 days',  '{imported}', 'It is in the shop as a draft; its quota is used.'),
  ('optimised', 6,  '1 day',   '{}',         'Its texts are optimised, in the shop too.'),
  ('published', 7,  null,      '{imported}', 'Customers can buy it.'),
  ('winner',    8,  null,      '{}',         'It sells well enough to be scaled.'),
  ('loser',     9,  null,      '{}',         'It does not sell.'),
  ('archived',  10, null,      '{imported}', 'It is out of the shop.'),
  ('failed',    11, null,      '{}',
  'A step gave up; failed_in and failed_reason say where and why.');

insert into shops.product_moves (from_state, to_state)
values
  ('planned', 'drawn'), ('drawn', 'written'), ('written', 'uploaded'), ('uploaded', 'created'),
  ('created', 'optimised'), ('optimised', 'published'),
  ('planned', 'failed'), ('drawn', 'failed'), ('written', 'failed'), ('uploaded', 'failed'),
  ('created', 'failed'), ('optimised', 'failed'),
  -- The shop's owner may publish a draft by hand.
  ('created', 'published'),
  -- A retry returns a product to where it failed.
  ('failed', 'planned'), ('failed', 'drawn'), ('failed', 'written'), ('failed', 'uploaded'),
  ('failed', 'created'), ('failed', 'optimised'),
  ('published', 'winner'), ('winner', 'published'), ('published', 'loser'), ('loser', 'published'),
  ('winner', 'loser'), ('loser', 'winner'),
  ('created', 'archived'), ('optimised', 'archived'), ('published', 'archived'),
  ('winner', 'archived'), ('loser', 'archived'), ('archived', 'published');

insert into shops.steps (kind, state, service, position)
values
  ('shops.draw_design',      'planned',   'openai',  1),
  ('shops.write_text',       'drawn',     'openai',  2),
  ('shops.upload_design',    'written',   'shopify', 3),
  ('shops.create_product',   'uploaded',  'shopify', 4),
  ('shops.check_media',      'created',   'shopify', 5),
  ('shops.optimise_product', 'created',   'openai',  6),
  ('shops.update_product',   'created',   'shopify', 7),
  ('shops.publish_product',  'optimised', 'shopify', 8);

insert into shops.default_prompts (type, body)
values
  ('image', 'Create a design for {niche}'),
  ('title', 'Create a title for {niche}'),
  ('description', 'Create a description for {niche}');

-- Prices as published in 2026. A ceiling is half as much again as a usual picture or text costs.
insert into shops.models
  (task, model, quality, input_per_million, output_per_million, ceiling, is_default)
values
  ('image', 'gpt-image-2', 'low',    5000000, 30000000, 30000,  true),
  ('image', 'gpt-image-2', 'medium', 5000000, 30000000, 90000,  true),
  ('image', 'gpt-image-2', 'high',   5000000, 30000000, 300000, true),
  ('text',  'gpt-5.4-mini', 'any',   750000,  4500000,  20000,  true);

insert into shops.plan_budgets (plan, monthly)
values
  ('basis',   25000000),
  ('premium', 125000000),
  ('vip',     1000000000);

insert into shops.platforms (platform, service, repeat_after, attempts, description)
values ('pinterest', 'pinterest', '7 days', 3, 'Pins on the board that the shop chose.');

insert into jobs.queues (queue, concurrency, description)
values
  ('openai',    16, 'Calls of OpenAI.'),
  ('shopify',   16, 'Calls of Shopify.'),
  ('pinterest', 8,  'Calls of Pinterest.')
on conflict do nothing;

insert into jobs.limits (queue, key, max_running, rate, burst)
values
  ('openai',    '*', 8, 20, 60),
  -- A Standard plan restores 100 points a second, and a call of ours costs about 10.
  ('shopify',   '*', 8, 10, 100),
  -- org_write: 100 a minute for each user and app. The burst and a minute of the rate are 96.
  ('pinterest', '*', 2, 1.1, 30);

insert into jobs.kinds
  (kind, queue, prepare, settle, max_attempts, backoff_base, backoff_cap, timeout, effect,
  priority, description)
values
  ('shops.draw_design', 'openai', 'shops.prepare_draw_design', 'shops.settle_draw_design',
   5, '5 s', '10 min', '180 s', 'repeatable', 2, 'Draw the design of a planned product.'),
  ('shops.write_text', 'openai', 'shops.prepare_write_text', 'shops.settle_write_text',
   4, '3 s', '10 min', '90 s', 'repeatable', 2, 'Write title, description and tags.'),
  ('shops.upload_design', 'shopify', 'shops.prepare_upload_design', 'shops.settle_upload_design',
   8, '2 s', '15 min', '120 s', 'natural', 2, 'Put the design where the shop can fetch it.'),
  ('shops.create_product', 'shopify', 'shops.prepare_create_product', 'shops.settle_create_product',
   8, '2 s', '15 min', '60 s', 'natural', 2, 'Create the product as a draft, by its handle.'),
  ('shops.check_media', 'shopify', 'shops.prepare_check_media', 'shops.settle_check_media',
   8, '2 s', '15 min', '60 s', 'natural', 2, 'Ask whether the shop has the picture ready.'),
  ('shops.optimise_product', 'openai', 'shops.prepare_optimise_product',
  'shops.settle_optimise_product',
   4, '3 s', '10 min', '90 s', 'repeatable', 2, 'Write a better text for a draft.'),
  ('shops.update_product', 'shopify', 'shops.prepare_update_product', 'shops.settle_update_product',
   8, '2 s', '15 min', '60 s', 'natural', 2, 'Put the better text into the shop.'),
  ('shops.publish_product', 'shopify', 'shops.prepare_publish_product',
  'shops.settle_publish_product',
   8, '2 s', '15 min', '60 s', 'natural', 2, 'Publish a product to all sales channels.'),
  ('shops.pin_product', 'pinterest', 'shops.prepare_pin_product', 'shops.settle_pin_product',
   6, '5 s', '30 min', '60 s', 'read_back', 2, 'Pin a product on the shop''s board.'),
  ('shops.list_boards', 'pinterest', 'shops.prepare_look', 'shops.settle_list_boards',
   5, '5 s', '10 min', '60 s', 'natural', 1, 'Read the boards that a shop may pin to.'),
  ('shops.list_collections', 'shopify', 'shops.prepare_look', 'shops.settle_list_collections',
   5, '5 s', '10 min', '60 s', 'natural', 1, 'Read the collections of a shop.');

insert into jobs.schedules (schedule, cron, time_zone, function, catch_up, description)
values
  ('product_creation', '0 6 * * *', 'UTC', 'shops.run_creation', 'last',
   'Plan the products of the day for every shop, within its owner''s quota.'),
  ('product_optimize', '0 8 * * *', 'UTC', 'shops.run_optimisation', 'last',
   'Optimise the texts of new drafts, and publish them where the shop says so.'),
  ('pinterest_sync', '0 */4 * * *', 'UTC', 'shops.run_pins', 'last',
   'Pin products that are on sale and not on Pinterest yet.');
