-- needs: shops.winner_candidates
create or replace view shops.winner_conditions with (security_invoker = true) as
select c.user_id, c.shop_id, c.product_id, k.position, k.rule, k.rule in ('all', c.rule) as counts,
       k.condition, k.value, k.threshold, k.margin, k.pass, k.flip
from shops.winner_candidates as c
join shops.present_rules as r on r.user_id = c.user_id and r.shop_id = c.shop_id
cross join lateral (
  values
    (1, 'all', 'sales known', to_char(c.complete_up_to at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
     'end of yesterday', null::numeric, c.fresh,
     case when c.fresh then 'the end of the day' else 'reading the orders' end),
    (2, 'all', 'on sale', c.shop_status, 'ACTIVE', null,
    c.shop_status is not distinct from 'ACTIVE',
     case when c.shop_status = 'ACTIVE' then 'taking it off sale' else 'putting it on sale' end),
    (3, 'all', 'plan', c.plan, 'one with winner scaling', null, c.winner_scaling,
     'another plan'),
    (4, 'sales', 'units in 7 days', c.units_7::text, r.winner_units::text,
    c.units_7 - r.winner_units,
     c.units_7 >= r.winner_units, shops._more(c.units_7 - r.winner_units, 'net unit in 7 days')),
    (5, 'buckets', 'units in 3 days', c.units_3::text, r.bucket_units_3::text,
    c.units_3 - r.bucket_units_3,
     c.units_3 >= r.bucket_units_3,
     shops._more(c.units_3 - r.bucket_units_3, 'net unit in 3 days')),
    (6, 'buckets', 'units in 7 days', c.units_7::text, r.bucket_units_7::text,
    c.units_7 - r.bucket_units_7,
     c.units_7 >= r.bucket_units_7,
     shops._more(c.units_7 - r.bucket_units_7, 'net unit in 7 days')),
    (7, 'buckets', 'units in 10 days', c.units_10::text, r.bucket_units_10::text,
    c.units_10 - r.bucket_units_10,
     c.units_10 >= r.bucket_units_10,
     shops._more(c.units_10 - r.bucket_units_10, 'net unit in 10 days')),
    (8, 'buckets', 'units in 14 days', c.units_14::text, r.bucket_units_14::text,
    c.units_14 - r.bucket_units_14,
     c.units_14 >= r.bucket_units_14,
     shops._more(c.units_14 - r.bucket_units_14, 'net unit in 14 days')),
    (9, 'buckets', 'windows that pass', c.buckets_passed::text, r.min_buckets::text,
    c.buckets_margin,
     c.buckets_margin >= 0, shops._more(c.buckets_margin, 'window')),
    (10, 'posterior', 'days tracked', coalesce(c.tracked_days, 0)::text, r.posterior_days::text,
     coalesce(c.tracked_days, 0) - r.posterior_days, c.probability is not null,
     shops._more(coalesce(c.tracked_days, 0) - r.posterior_days, 'day')),
    (11, 'posterior', format('P(%s a week or more)', r.target_weekly_units),
     round(c.probability::numeric, 3)::text, c.posterior_threshold::text,
     round(c.posterior_margin::numeric, 3), coalesce(c.posterior_margin >= 0, false),
     shops._more(c.lifetime_units - shops.units_needed(
       c.posterior_threshold::double precision, r.target_weekly_units::double precision,
       c.tracked_weeks, r.prior_shape, r.prior_weekly_units::double precision
     ), 'net unit since tracking'))
) as k (position, rule, condition, value, threshold, margin, pass, flip);

comment on view shops.winner_conditions is
  'Every condition of every winner rule for every product on sale, one row each: value, '
  'threshold, margin, and what would flip it. Ask for one product_id and its shop_id.';
comment on column shops.winner_conditions.user_id is 'The owner.';
comment on column shops.winner_conditions.shop_id is 'The shop.';
comment on column shops.winner_conditions.product_id is 'The product.';
comment on column shops.winner_conditions.position is 'Order to read them in.';
comment on column shops.winner_conditions.rule is 'The rule that it is of; all: of every rule.';
comment on column shops.winner_conditions.counts is 'It is part of the shop''s own rule.';
comment on column shops.winner_conditions.condition is 'What is looked at.';
comment on column shops.winner_conditions.value is 'What it is.';
comment on column shops.winner_conditions.threshold is 'What it must be, or reach.';
comment on column shops.winner_conditions.margin is
  'How far above (or, negative, below) the threshold; null: not a number.';
comment on column shops.winner_conditions.pass is 'It is met.';
comment on column shops.winner_conditions.flip is 'What would turn it around.';
