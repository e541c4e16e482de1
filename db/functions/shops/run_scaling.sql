create or replace function shops.run_scaling(p_run_id bigint)
returns table (items integer, skipped integer, why text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_ready uuid[];
  v_stale uuid[];
begin
  with runs as (
    insert into shops.shop_runs (user_id, shop_id, job, run_id, status, skip_reason)
    select r.user_id, r.shop_id, 'winner_scaling', p_run_id,
           case when w.skip in ('ready', 'stale') then 'running' else 'skipped' end,
           case when w.skip not in ('ready', 'stale') then w.skip end
    from shops.readiness as r
    join accounts.entitlements as e on e.user_id = r.user_id
    join shops.sales_days as d on d.user_id = r.user_id and d.shop_id = r.shop_id
    cross join lateral (
      select case
        when not r.enabled then 'disabled'
        when not r.subscribed then 'no_subscription'
        when not e.winner_scaling then 'no_winner_scaling'
        when not exists (
          select
          from shops.products as p
          where p.user_id = r.user_id and p.shop_id = r.shop_id
            and p.state in ('published', 'winner', 'loser')
        ) then 'nothing_on_sale'
        when d.fresh then 'ready'
        when exists (
          select
          from shops.order_passes as p
          where p.user_id = r.user_id and p.shop_id = r.shop_id and p.state = 'reading'
        ) then 'still_reading'
        when r.shopify then 'stale'
        else 'sales_not_known'
      end
    ) as w (skip)
    order by r.user_id, r.shop_id
    returning shop_id, status, skip_reason
  )
  select array_agg(r.shop_id) filter (where r.status = 'running' and d.fresh),
         array_agg(r.shop_id) filter (where r.status = 'running' and not d.fresh)
  into v_ready, v_stale
  from runs as r
  join shops.sales_days as d on d.shop_id = r.shop_id;

  -- West of the Atlantic yesterday ends after sales_tracker ran: read again, then decide.
  perform shops._start_passes(p_run_id, v_stale, p_then_scale => true);
  items := coalesce(shops._scale(p_run_id, v_ready), 0) + coalesce(cardinality(v_stale), 0);

  -- What was open and is there by now is done.
  update shops.scaling_intents as i
  set state = 'done', ended_at = jobs.clock()
  from shops.syncs as y
  where i.action = 'expand' and i.state = 'open'
    and y.user_id = i.user_id and y.product_id = i.product_id and y.platform = i.target
    and y.state = 'done';

  select (count(*) filter (where r.status = 'skipped'))::integer,
         coalesce(
           shops._skipped(array_agg(r.skip_reason) filter (where r.status = 'skipped')),
           case when count(*) = 0 then 'no_shops' end
         )
  into skipped, why
  from shops.shop_runs as r
  where r.run_id = p_run_id and r.job = 'winner_scaling';
  return next;
end;
$$;

comment on function shops.run_scaling is
  'The schedule winner_scaling: decide on winners and scale them, in every shop whose sales are '
  'known to the end of its yesterday; where they are not, orders are read first and the decision '
  'follows. items = decisions and shops still read, skipped = shops without either, why = their '
  'reasons (disabled, no_subscription, no_winner_scaling, nothing_on_sale, still_reading, '
  'sales_not_known, no_winners, already_decided).';
