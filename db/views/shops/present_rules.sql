create or replace view shops.present_rules with (security_invoker = true) as
select s.user_id, s.shop_id, r.version, r.winner_rule, r.winner_units,
       r.bucket_units_3, r.bucket_units_7, r.bucket_units_10, r.bucket_units_14, r.min_buckets,
       r.target_weekly_units, r.break_even_weekly_units, r.prior_shape, r.prior_weekly_units,
       r.posterior_days, r.winner_certainty, r.keep_certainty, r.loser_certainty,
       r.start_phase_days, r.winner_ends_after_days, r.variations_per_winner,
       r.raise_percent, r.raise_cool_down_days,
       r.campaign_budget_limit_minor, r.raise_day_limit_minor, r.ads_budget_limit_minor
from shops.shops as s
cross join lateral (
  select w.*
  from shops.winner_rules as w
  where w.user_id = s.user_id and w.shop_id = s.shop_id
  order by w.version desc
  limit 1
) as r;

comment on view shops.present_rules is
  'The winner rules in use, one row a shop: the highest version of shops.winner_rules, which '
  'explains the columns.';
