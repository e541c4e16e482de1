-- The rows that the shops start with: states, steps, models and their prices, budgets, platforms.

insert into shops.product_states (state, position, time_limit, description)
values
  ('planned',   1,  '6 hours', 'Quota is held for it; nothing was made yet.'),
  ('drawn',     2,  '6 hours', 'Its design is drawn.'),
  ('written',   3,  '6 hours', 'It has a title, a description and tags.'),
  ('uploaded',  4,  '6 hours', 'Its design is where the shop can fetch it.'),
  ('created',   5,  '2 days',  'It is in the shop as a draft; its quota is used.'),
  ('optimised', 6,  '1 day',   'Its texts are optimised, in the shop too.'),
  ('published', 7,  null,      'Customers can buy it.'),
  ('winner',    8,  null,      'It sells well enough to be scaled.'),
  ('loser',     9,  null,      'It does not sell.'),
  ('archived',  10, null,      'It is out of the shop.'),
  ('failed',    11, null,      'A step gave up; failed_in and failed_reason say where and why.');

insert into shops.product_moves (from_state, to_state)
values
  ('planned', 'drawn'), ('drawn', 'written'), ('written', 'uploaded'), ('uploaded', 'created'),
  ('created', 'optimised'), ('optimised', 'published'),
  ('planned', 'failed'), ('drawn', 'failed'), ('written', 'failed'), ('uploaded', 'failed'),
  ('created', 'failed'), ('optimised', 'failed'),
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
