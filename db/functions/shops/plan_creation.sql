create or replace function shops.plan_creation(
  p_user_id uuid default null,
  p_shop_id uuid default null
)
returns table (
  user_id uuid,
  shop_id uuid,
  shop text,
  niche_id bigint,
  niche text,
  how_many integer,
  why text,
  quota_left bigint
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- One shop and all shops want different plans.
set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
begin
  return query
  with scope as materialized (
    select r.*,
           b.budget_left,
           made.today as made,
           greatest(r.creation_limit - made.today, 0) as wanted,
           q.quota_left as left_now
    from shops.readiness as r
    join shops.quota as q on q.user_id = r.user_id
    join shops.budget as b on b.user_id = r.user_id
    cross join lateral (
      select count(*)::integer as today
      from shops.niches as n
      join shops.products as p
        on p.user_id = n.user_id and p.niche_id = n.niche_id and p.planned_on = r.today
      where n.user_id = r.user_id
        and n.shop_id = r.shop_id
        and p.origin = 'planned'
        and p.quota_state in ('held', 'used')
    ) as made
    where r.program = 'pod_autom'
      and (p_user_id is null or r.user_id = p_user_id)
      and (p_shop_id is null or r.shop_id = p_shop_id)
  ),
  -- The plan's number of niches goes to the first by priority, over all shops of the user.
  allowed as (
    select n.user_id, n.shop_id, n.niche_id, n.name, n.priority, n.daily_limit,
           row_number() over (partition by n.user_id order by n.priority desc, n.niche_id) as place
    from shops.niches as n
    where n.active and n.user_id in (select s.user_id from scope as s)
  ),
  shares as materialized (
    select s.user_id, s.shop_id, a.niche_id, a.name,
           -- The first in line moves on by one each day, so that remainders go round.
           mod(
             row_number()
               over (partition by s.user_id, s.shop_id order by a.priority desc, a.niche_id)
               - 1 + count(*) over (partition by s.user_id, s.shop_id)
               - mod((s.today - date '2000-01-01')::bigint,
               count(*) over (partition by s.user_id, s.shop_id)),
             count(*) over (partition by s.user_id, s.shop_id)
           ) as turn,
           greatest(least(s.wanted, a.daily_limit - made.today), 0) as room
    from scope as s
    join allowed as a
      on a.user_id = s.user_id and a.shop_id = s.shop_id
     and (s.niche_limit is null or a.place <= s.niche_limit)
    cross join lateral (
      select count(*)::integer as today
      from shops.products as p
      where p.user_id = a.user_id
        and p.niche_id = a.niche_id
        and p.planned_on = s.today
        and p.origin = 'planned'
        and p.quota_state in ('held', 'used')
    ) as made
  ),
  verdicts as (
    select s.*,
           case
             when not s.enabled then 'disabled'
             when not (s.shopify and s.openai) then 'not_connected'
             when not s.configured then 'no_settings'
             when h.niches is null and s.subscribed then 'no_niches'
             when not s.subscribed then 'no_subscription'
             when s.left_now = 0 then 'monthly_limit_reached'
             when s.wanted = 0 and s.made > 0 then 'already_planned'
             when s.wanted = 0 or h.room = 0 then 'daily_limit_reached'
             when s.budget_left = 0 then 'budget_reached'
           end as refusal
    from scope as s
    left join (
      select x.user_id, x.shop_id, count(*) as niches, sum(x.room) as room
      from shares as x
      group by x.user_id, x.shop_id
    ) as h on h.user_id = s.user_id and h.shop_id = s.shop_id
  ),
  -- Cards are dealt: one to each niche, round after round, until a limit is met. That is n // k
  -- each and the remainder one each, whatever the niches' own limits.
  dealt as (
    select v.user_id, v.shop_id, x.niche_id, v.wanted, v.left_now,
           row_number() over (partition by v.user_id, v.shop_id order by c.round, x.turn) as card
    from verdicts as v
    join shares as x on x.user_id = v.user_id and x.shop_id = v.shop_id
    cross join generate_series(1, x.room) as c (round)
    where v.refusal is null
  ),
  -- And the user's quota is dealt to his shops in the same way.
  granted as (
    select d.user_id, d.shop_id, d.niche_id, d.left_now,
           row_number() over (partition by d.user_id order by d.card, d.shop_id) as grant_no
    from dealt as d
    where d.card <= d.wanted
  ),
  planned as (
    select g.user_id, g.shop_id, g.niche_id, count(*)::integer as how_many
    from granted as g
    where g.left_now is null or g.grant_no <= g.left_now
    group by g.user_id, g.shop_id, g.niche_id
  ),
  totals as (
    select p.user_id, p.shop_id, sum(p.how_many) as of_shop,
           (sum(sum(p.how_many)) over (partition by p.user_id))::bigint as of_user
    from planned as p
    group by p.user_id, p.shop_id
  )
  select v.user_id,
         v.shop_id,
         v.shop,
         p.niche_id,
         x.name,
         coalesce(p.how_many, 0),
         case
           when p.niche_id is not null then format(
             '%s of %s wanted today%s', t.of_shop, v.wanted,
             case
               when t.of_shop < v.wanted and t.of_user = v.left_now
                 then format('; the month has %s left', v.left_now)
               when t.of_shop < v.wanted then '; the niches'' daily limits are reached'
               else ''
             end
           )
           -- Other shops of the user took what was left of the month.
           else coalesce(v.refusal, 'monthly_limit_reached')
         end,
         v.left_now - coalesce(max(t.of_user) over (partition by v.user_id), 0)
  from verdicts as v
  left join planned as p on p.user_id = v.user_id and p.shop_id = v.shop_id
  left join shares as x on x.user_id = p.user_id and x.niche_id = p.niche_id
  left join totals as t on t.user_id = v.user_id and t.shop_id = v.shop_id
  order by v.user_id, v.shop_id, x.turn;
end;
$$;

comment on function shops.plan_creation is
  'What a run of product_creation would plan now, for all shops or one user or shop: a row a '
  'niche, or one row with how_many 0 where why is the skip reason (disabled, not_connected, '
  'no_settings, no_niches, no_subscription, monthly_limit_reached, already_planned, '
  'daily_limit_reached, budget_reached). quota_left is what the user''s month has left after the '
  'plan; null: unlimited. Changes nothing; shops.apply_creation does exactly this.';
grant execute on function shops.plan_creation
  to autom_web, autom_operator, autom_reader, authenticated, service_role;
