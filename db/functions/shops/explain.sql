create or replace function shops.explain(p_product_id bigint)
returns table (step text, value text, threshold text, ok boolean, note text)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_product record;
begin
  select p.user_id, p.shop_id, p.product_id into v_product
  from shops.products as p
  where p.product_id = p_product_id;
  if not found then
    raise exception using
      errcode = 'SH020',
      message = 'No such product.',
      detail  = format('product_id=%s', p_product_id),
      hint    = 'select product_id, title from shops.catalogue;';
  end if;

  return query
  select 'product', coalesce(c.title, c.handle), c.shop, null::boolean,
         concat_ws(', ', c.origin, 'niche ' || c.niche, 'variation of ' || c.parent_product_id,
           c.link)
  from shops.catalogue as c
  where c.user_id = v_product.user_id and c.product_id = v_product.product_id
  union all
  select 'state', c.state, 'since '
    || to_char(c.state_since at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
         c.state <> 'failed', c.note
  from shops.catalogue as c
  where c.user_id = v_product.user_id and c.product_id = v_product.product_id;

  return query
  select 'quota', p.quota_state, q.monthly_limit::text, q.quota_left is distinct from 0,
         format('%s held, %s used in %s, plan %s', q.held, q.used, to_char(q.month, 'YYYY-MM'),
           q.plan)
  from shops.products as p
  join shops.quota as q on q.user_id = p.user_id
  where p.user_id = v_product.user_id and p.product_id = v_product.product_id
    and p.quota_state <> 'none';

  return query
  select a.task, a.state, a.model, a.state in ('open', 'paid'),
         format('job %s, %s micro-USD', a.job_id, coalesce(a.cost, a.ceiling))
  from shops.ai_calls as a
  where a.user_id = v_product.user_id and a.product_id = v_product.product_id
  order by a.ai_call_id desc
  limit 3;

  return query
  select y.platform, y.state, y.target, y.state in ('queued', 'done'),
         coalesce(y.reason, y.external_id,
           'since ' || to_char(y.queued_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'))
  from shops.syncs as y
  where y.user_id = v_product.user_id and y.product_id = v_product.product_id
  order by y.sync_id desc
  limit 2;

  return query
  select 'net units', concat_ws(' / ', w.units_3, w.units_7, w.units_10, w.units_14), null,
    null::boolean,
         format('in 3 / 7 / 10 / 14 days up to %s; gross %s / %s / %s / %s', w.today - 1,
                w.gross_3, w.gross_7, w.gross_10, w.gross_14)
  from shops.windows as w
  where w.shop_id = v_product.shop_id and w.product_id = v_product.product_id
  union all
  select 'since tracking', w.lifetime_units::text, null, null,
         coalesce(format('since %s; %s in the first days',
                         to_char(w.first_tracked_at at time zone 'UTC', 'YYYY-MM-DD'),
                           w.first_units), 'not tracked yet')
  from shops.windows as w
  where w.shop_id = v_product.shop_id and w.product_id = v_product.product_id;

  return query
  select k.rule || ': ' || k.condition, k.value, k.threshold, k.pass,
         case when k.pass then 'until ' else 'needs ' end || k.flip
           || case when k.counts then '' else ' (not the shop''s rule)' end
  from shops.winner_conditions as k
  where k.shop_id = v_product.shop_id and k.product_id = v_product.product_id
  order by not k.counts, k.position;

  return query
  select 'winner now', coalesce(c.winner::text, 'unknown'), c.rule, c.winner, c.why
  from shops.winner_candidates as c
  where c.shop_id = v_product.shop_id and c.product_id = v_product.product_id;

  return query
  select 'decided ' || d.decided_on, d.verdict, format('%s, rules %s', d.rule, d.rules_version),
         d.verdict in ('winner', 'kept'), d.why
  from shops.decisions as d
  where d.user_id = v_product.user_id and d.product_id = v_product.product_id
  order by d.decided_on desc
  limit 3;

  return query
  select i.action, i.state,
    coalesce(i.how_many::text, i.from_budget || ' to ' || i.to_budget, i.target),
         i.state in ('open', 'done'),
         format('intent %s of %s%s', i.intent_id, i.created_at::date, ': ' || i.reason)
  from shops.scaling_intents as i
  where i.user_id = v_product.user_id and i.shop_id = v_product.shop_id
    and i.product_id = v_product.product_id
  order by i.intent_id desc
  limit 5;
end;
$$;

comment on function shops.explain is
  'All about a product on one screen: where it is in its life and why, quota, AI calls with their '
  'jobs, platforms, sales windows, every condition of the winner rules with its threshold and '
  'what would flip it (the shop''s own rule first), the last decisions and what was done about '
  'them. Times are UTC. SH020: no such product.';
grant execute on function shops.explain
  to autom_web, autom_operator, autom_reader, authenticated, service_role;
