create or replace function shops._scale(p_run_id bigint, p_shop_ids uuid[])
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_all     bigint[];
  v_won     bigint[];
  v_winning bigint[];
  v_ended   bigint[];
begin
  select coalesce(array_agg(d.decision_id), '{}'),
         array_agg(d.decision_id) filter (where d.verdict = 'winner'),
         array_agg(d.decision_id) filter (where d.verdict in ('winner', 'kept')),
         array_agg(d.decision_id) filter (where d.verdict = 'ended')
  into v_all, v_won, v_winning, v_ended
  from shops.decide_winners(p_shop_ids) as d;

  perform shops._plan_variations(p_run_id, v_won);
  perform shops._plan_raises(v_winning);
  perform shops._plan_expansion(v_won);
  perform shops._plan_pauses(v_ended);

  update shops.shop_runs as r
  set status      = case when n.taken > 0 then 'succeeded' else 'skipped' end,
      items       = n.taken,
      skip_reason = case
        when n.taken > 0 then null
        when n.of_today > 0 then 'already_decided'
        else 'no_winners'
      end
  from shops.sales_days as t
  cross join lateral (
    select count(*) filter (where d.decision_id = any (v_all)) as taken, count(*) as of_today
    from shops.decisions as d
    where d.user_id = t.user_id and d.shop_id = t.shop_id and d.decided_on = t.today
  ) as n
  where t.shop_id = any (p_shop_ids)
    and r.user_id = t.user_id and r.shop_id = t.shop_id
    and r.run_id = p_run_id and r.job = 'winner_scaling';
  return cardinality(v_all);
end;
$$;

comment on function shops._scale is
  'Decide on the winners of these shops and do what follows: variations, budgets, platforms, '
  'pauses; the run of each shop says how it went. Returns the number of decisions.';
