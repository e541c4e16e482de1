create or replace function shops._rules(p_user_id uuid, p_shop_id uuid)
returns table (
  user_id uuid,
  shop_id uuid,
  plan text,
  winner_scaling boolean,
  version integer,
  winner_rule text,
  winner_units integer,
  bucket_units_3 integer,
  bucket_units_7 integer,
  bucket_units_10 integer,
  bucket_units_14 integer,
  min_buckets integer,
  target_weekly_units double precision,
  break_even_weekly_units double precision,
  prior_shape integer,
  prior_weekly_units double precision,
  posterior_days integer,
  winner_certainty numeric,
  keep_certainty numeric,
  loser_certainty numeric
)
language plpgsql
stable
parallel safe
rows 1
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select r.user_id, r.shop_id, e.plan, e.winner_scaling, r.version, r.winner_rule, r.winner_units,
         r.bucket_units_3, r.bucket_units_7, r.bucket_units_10, r.bucket_units_14, r.min_buckets,
         r.target_weekly_units::double precision, r.break_even_weekly_units::double precision,
         r.prior_shape, r.prior_weekly_units::double precision, r.posterior_days,
         r.winner_certainty, r.keep_certainty, r.loser_certainty
  from shops.present_rules as r
  join accounts.entitlements as e on e.user_id = r.user_id
  where r.user_id = p_user_id and r.shop_id = p_shop_id;
end;
$$;

comment on function shops._rules is
  'The rules by which a shop''s products are judged, and what its owner''s plan allows. A function '
  'for the same reason as shops._day.';
grant execute on function shops._rules
  to autom_web, autom_operator, autom_reader, authenticated, service_role;
