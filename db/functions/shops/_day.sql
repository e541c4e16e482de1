create or replace function shops._day(p_user_id uuid, p_shop_id uuid)
returns table (
  user_id uuid,
  shop_id uuid,
  today date,
  day_start timestamptz,
  day_3 timestamptz,
  day_7 timestamptz,
  day_10 timestamptz,
  day_14 timestamptz,
  complete_up_to timestamptz,
  fresh boolean,
  start_phase interval
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
  select s.user_id, s.shop_id, t.today,
         shops._midnight(t.today, s.time_zone),
         shops._midnight(t.today - 3, s.time_zone),
         shops._midnight(t.today - 7, s.time_zone),
         shops._midnight(t.today - 10, s.time_zone),
         shops._midnight(t.today - 14, s.time_zone),
         k.complete_up_to,
         coalesce(k.complete_up_to >= shops._midnight(t.today, s.time_zone), false),
         make_interval(hours => 24 * r.start_phase_days)
  from shops.shops as s
  cross join lateral (select (jobs.clock() at time zone s.time_zone)::date) as t (today)
  join shops.present_rules as r on r.user_id = s.user_id and r.shop_id = s.shop_id
  left join shops.trackings as k on k.user_id = s.user_id and k.shop_id = s.shop_id
  where s.user_id = p_user_id and s.shop_id = p_shop_id;
end;
$$;

comment on function shops._day is
  'A shop''s present day and where its windows begin, as shops.sales_days shows them. A function '
  'and no part of the views, so that time zones are looked up once for a shop and not for each '
  'product.';
grant execute on function shops._day
  to autom_web, autom_operator, autom_reader, authenticated, service_role;
