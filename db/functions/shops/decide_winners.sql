create or replace function shops.decide_winners(p_shop_ids uuid[])
returns table (user_id uuid, decision_id bigint, shop_id uuid, product_id bigint, verdict text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with judged as materialized (
    select c.user_id, c.shop_id, c.product_id, d.today, c.rule, c.rules_version, c.why, v.verdict,
      f.failed_days,
           r.winner_ends_after_days,
           to_jsonb(c) - array['user_id', 'shop_id', 'shop', 'why'] as inputs
    from shops.winner_candidates as c
    join shops.sales_days as d on d.user_id = c.user_id and d.shop_id = c.shop_id
    join shops.present_rules as r on r.user_id = c.user_id and r.shop_id = c.shop_id
    cross join lateral (
      -- Days on which it failed since it last passed, today included. Unknown days have no
      -- decision.
      select count(*) + 1 as failed_days
      from shops.decisions as e
      where e.user_id = c.user_id and e.product_id = c.product_id and e.verdict = 'failing'
        and e.decided_on < d.today
        and e.decided_on > (
          select max(g.decided_on)
          from shops.decisions as g
          where g.user_id = c.user_id and g.product_id = c.product_id
            and g.verdict in ('winner', 'kept')
        )
    ) as f
    cross join lateral (
      select case
        when c.winner and c.state = 'winner' then 'kept'
        when c.winner then 'winner'
        when f.failed_days < r.winner_ends_after_days then 'failing'
        else 'ended'
      end as verdict
    ) as v
    where c.shop_id = any (p_shop_ids) and c.fresh and (c.winner or c.state = 'winner')
  ),
  decided as (
    insert into shops.decisions as n
      (user_id, shop_id, product_id, decided_on, verdict, rule, rules_version, inputs, conditions,
      why)
    select j.user_id, j.shop_id, j.product_id, j.today, j.verdict, j.rule, j.rules_version,
      j.inputs,
           k.conditions,
           format(
             '%s%s It would flip with %s.', j.why,
             case
               when j.verdict in ('failing', 'ended')
                 then format(' Day %s of %s that it fails.', j.failed_days,
                 j.winner_ends_after_days)
             end,
             k.flips
           )
    from judged as j
    cross join lateral (
      select jsonb_agg(
               jsonb_build_object(
                 'rule', w.rule, 'condition', w.condition, 'value', w.value, 'threshold',
                 w.threshold,
                 'margin', w.margin, 'pass', w.pass
               )
               order by w.position
             ) as conditions,
             -- A winner falls by any of its conditions; another one needs all that it misses.
             string_agg(w.flip, case when j.verdict in ('winner', 'kept') then ' or '
               else ' and ' end
                        order by w.position)
               filter (where w.counts and w.margin is not null
                         and w.pass = (j.verdict in ('winner', 'kept'))) as flips
      from shops.winner_conditions as w
      where w.user_id = j.user_id and w.shop_id = j.shop_id and w.product_id = j.product_id
    ) as k
    order by j.user_id, j.product_id
    on conflict (user_id, product_id, decided_on) do nothing
    returning n.user_id, n.decision_id, n.shop_id, n.product_id, n.verdict
  ),
  moved as (
    update shops.products as p
    set state = case d.verdict when 'winner' then 'winner' else 'published' end
    from decided as d
    where p.user_id = d.user_id and p.product_id = d.product_id
      and (
        (d.verdict = 'winner' and p.state in ('published', 'loser'))
        or (d.verdict = 'ended' and p.state = 'winner')
      )
  )
  select d.user_id, d.decision_id, d.shop_id, d.product_id, d.verdict
  from decided as d
  order by d.decision_id;
end;
$$;

comment on function shops.decide_winners is
  'Take the day''s decisions on the winners of these shops, by shops.winner_candidates and each '
  'shop''s own rule, and move the products: who passes becomes or stays a winner, who fails on '
  'too many days in a row ends as one. Where sales are not complete to the end of yesterday '
  'nothing is decided. One decision a product and day: the second time changes nothing. Returns '
  'the new decisions.';
grant execute on function shops.decide_winners to autom_operator, service_role;
