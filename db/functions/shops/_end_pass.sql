create or replace function shops._end_pass(
  p_user_id uuid,
  p_pass_id bigint,
  p_state text,
  p_reason text default null
)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  with ended as (
    update shops.order_passes as p
    set state    = p_state,
        reason   = left(p_reason, 500),
        ended_at = jobs.clock()
    where p.user_id = p_user_id and p.pass_id = p_pass_id and p.state = 'reading'
    returning p.user_id, p.shop_id, p.run_id, p.then_scale, p.state, p.reason, p.orders,
      p.started_at
  ),
  tracked as (
    update shops.trackings as t
    set read_up_to = greatest(t.read_up_to, e.started_at)
    from ended as e
    where t.user_id = e.user_id and t.shop_id = e.shop_id and e.state = 'complete'
  ),
  -- Tracking of a product begins once: when we published it, or with the first pass that could see
  -- it.
  begun as (
    update shops.products as p
    set first_tracked_at = coalesce(p.published_at, e.started_at)
    from ended as e
    where p.user_id = e.user_id and p.shop_id = e.shop_id and e.state = 'complete'
      and p.first_tracked_at is null and p.state in ('published', 'winner', 'loser')
  )
  update shops.shop_runs as r
  set status = case e.state when 'complete' then 'succeeded' else 'failed' end,
      items  = e.orders,
      error  = e.reason
  from ended as e
  where r.user_id = e.user_id and r.shop_id = e.shop_id and r.run_id = e.run_id
    and r.job = 'sales_tracker';
$$;

comment on function shops._end_pass is
  'End a pass as complete (the cursor moves to its beginning, products on sale are tracked from '
  'now on) or failed with the reason (the cursor stays).';
