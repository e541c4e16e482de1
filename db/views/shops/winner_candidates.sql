-- needs: shops.windows
create or replace view shops.winner_candidates with (security_invoker = true) as
select s.user_id, s.shop_id, w.shop, w.product_id, w.sku, w.title, w.state,
       w.units_3, w.units_7, w.units_10, w.units_14, w.lifetime_units,
       t.tracked_days, w.tracked_days / 7 as tracked_weeks, w.complete_up_to, w.fresh,
       w.shop_status, r.plan, r.winner_scaling, g.scalable,
       -- sales
       r.winner_units as sales_threshold,
       w.units_7 - r.winner_units as sales_margin,
       case when w.fresh then g.scalable and w.units_7 >= r.winner_units end as sales_winner,
       -- buckets
       b.passed as buckets_passed,
       r.min_buckets as buckets_threshold,
       b.passed - r.min_buckets as buckets_margin,
       case when w.fresh then g.scalable and b.passed >= r.min_buckets end as buckets_winner,
       -- posterior
       o.probability,
       k.certainty as posterior_threshold,
       o.probability - k.certainty as posterior_margin,
       case
         when o.probability is null then 'undecided'
         when o.probability >= r.winner_certainty then 'winner'
         when o.probability >= r.keep_certainty then 'promising'
         when 1 - o.break_even >= r.loser_certainty then 'loser'
         else 'undecided'
       end as posterior_band,
       case when w.fresh then g.scalable and coalesce(o.probability >= k.certainty, false) end
         as posterior_winner,
       -- the shop's own rule
       r.winner_rule as rule,
       r.version as rules_version,
       case
         when w.fresh then g.scalable and case r.winner_rule
           when 'sales' then w.units_7 >= r.winner_units
           when 'buckets' then b.passed >= r.min_buckets
           else coalesce(o.probability >= k.certainty, false)
         end
       end as winner,
       case
         when w.complete_up_to is null then 'Unknown: no orders were read yet.'
         when not w.fresh then format(
           'Unknown: sales are known up to %s, not to the end of yesterday.',
           to_char(w.complete_up_to at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')
         )
         when w.shop_status is distinct from 'ACTIVE' then 'It is not on sale.'
         when not r.winner_scaling then format('The plan %s has no winner scaling.', r.plan)
         when r.winner_rule = 'sales'
           then w.units_7 || ' net units in the last 7 days, of ' || r.winner_units || '.'
         when r.winner_rule = 'buckets'
           then b.passed || ' of the windows 3, 7, 10, 14 pass, of ' || r.min_buckets || '.'
         when o.probability is null
           then 'Tracked for ' || coalesce(t.tracked_days, 0) || ' days, of '
             || r.posterior_days || '.'
         else format('Sells %s a week or more with a probability of %s, of %s.',
                     r.target_weekly_units, round(o.probability::numeric, 3), k.certainty)
       end as why
from shops.shops as s
cross join lateral shops._rules(s.user_id, s.shop_id) as r
join shops.windows as w on w.user_id = r.user_id and w.shop_id = r.shop_id
cross join lateral (select greatest(floor(w.tracked_days), 0)::integer) as t (tracked_days)
cross join lateral (select w.shop_status is not distinct from 'ACTIVE' and r.winner_scaling)
  as g (scalable)
cross join lateral (
  select (w.units_3 >= r.bucket_units_3)::integer + (w.units_7 >= r.bucket_units_7)::integer
       + (w.units_10 >= r.bucket_units_10)::integer + (w.units_14 >= r.bucket_units_14)::integer
) as b (passed)
cross join lateral (
  select case when w.state = 'winner' then r.keep_certainty else r.winner_certainty end
) as k (certainty)
cross join lateral (
  select case when w.tracked_days >= r.posterior_days then shops.probability_above(
           r.target_weekly_units, w.lifetime_units, w.tracked_days / 7,
           r.prior_shape, r.prior_weekly_units
         ) end,
         case when w.tracked_days >= r.posterior_days then shops.probability_above(
           r.break_even_weekly_units, w.lifetime_units, w.tracked_days / 7,
           r.prior_shape, r.prior_weekly_units
         ) end
  -- Computed once, though it is looked at many times.
  offset 0
) as o (probability, break_even)
where w.state in ('published', 'winner', 'loser');

comment on view shops.winner_candidates is
  'Every product on sale under the three winner rules side by side: value, threshold, margin and '
  'verdict. winner is the verdict of the shop''s own rule; null is unknown, because sales are not '
  'complete to the end of yesterday. Nothing is decided here: shops.run_scaling does. Ask for one '
  'shop_id.';
comment on column shops.winner_candidates.user_id is 'The owner.';
comment on column shops.winner_candidates.shop_id is 'The shop.';
comment on column shops.winner_candidates.shop is 'Its name.';
comment on column shops.winner_candidates.product_id is 'The product.';
comment on column shops.winner_candidates.sku is 'Its stock keeping unit.';
comment on column shops.winner_candidates.title is 'Its title.';
comment on column shops.winner_candidates.state is
  'published, winner or loser: what was decided last.';
comment on column shops.winner_candidates.units_3 is 'Net units of the last 3 whole days.';
comment on column shops.winner_candidates.units_7 is
  'Net units of the last 7 whole days: the value of the rule sales.';
comment on column shops.winner_candidates.units_10 is 'Net units of the last 10 whole days.';
comment on column shops.winner_candidates.units_14 is 'Net units of the last 14 whole days.';
comment on column shops.winner_candidates.lifetime_units is
  'Net units since first tracking; null: not tracked.';
comment on column shops.winner_candidates.tracked_days is
  'Whole days since first tracking; null: not tracked.';
comment on column shops.winner_candidates.tracked_weeks is 'The same in weeks, not rounded.';
comment on column shops.winner_candidates.shop_status is
  'As the shop says; only ACTIVE products can win.';
comment on column shops.winner_candidates.plan is 'The owner''s plan.';
comment on column shops.winner_candidates.complete_up_to is
  'Up to when sales are known; null: not at all.';
comment on column shops.winner_candidates.fresh is 'The whole of yesterday is known.';
comment on column shops.winner_candidates.winner_scaling is 'The plan has winner scaling.';
comment on column shops.winner_candidates.scalable is
  'On sale, and the plan has winner scaling: needed under every rule.';
comment on column shops.winner_candidates.sales_threshold is 'Units that the rule sales asks for.';
comment on column shops.winner_candidates.sales_margin is 'Units above (or, negative, below) it.';
comment on column shops.winner_candidates.sales_winner is
  'Verdict of the rule sales; null: unknown.';
comment on column shops.winner_candidates.buckets_passed is
  'Windows that pass: the value of the rule buckets.';
comment on column shops.winner_candidates.buckets_threshold is 'Windows that the rule asks for.';
comment on column shops.winner_candidates.buckets_margin is 'Windows above (or below) it.';
comment on column shops.winner_candidates.buckets_winner is
  'Verdict of the rule buckets; null: unknown.';
comment on column shops.winner_candidates.probability is
  'Probability of selling target_weekly_units a week: the value of the rule posterior; null: '
  'tracked for too few days.';
comment on column shops.winner_candidates.posterior_threshold is
  'winner_certainty, or keep_certainty for a product that is a winner.';
comment on column shops.winner_candidates.posterior_margin is 'Probability above (or below) it.';
comment on column shops.winner_candidates.posterior_band is
  'winner, promising, undecided, or loser: likely sells less than break even.';
comment on column shops.winner_candidates.posterior_winner is
  'Verdict of the rule posterior; null: unknown.';
comment on column shops.winner_candidates.rule is 'The rule that the shop chose.';
comment on column shops.winner_candidates.rules_version is 'Version of its rules.';
comment on column shops.winner_candidates.winner is 'Verdict of that rule; null: unknown.';
comment on column shops.winner_candidates.why is 'The verdict in one sentence.';
