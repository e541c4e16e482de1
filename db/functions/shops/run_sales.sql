create or replace function shops.run_sales(p_run_id bigint)
returns table (items integer, skipped integer, why text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_shop_ids uuid[];
begin
  with runs as (
    insert into shops.shop_runs (user_id, shop_id, job, run_id, status, skip_reason)
    select r.user_id, r.shop_id, 'sales_tracker', p_run_id,
           case when w.skip is null then 'running' else 'skipped' end, w.skip
    from shops.readiness as r
    cross join lateral (
      select case
        when not r.enabled then 'disabled'
        when not r.subscribed then 'no_subscription'
        when not r.shopify then 'not_connected'
        when exists (
          select
          from shops.order_passes as p
          where p.user_id = r.user_id and p.shop_id = r.shop_id and p.state = 'reading'
        ) then 'still_reading'
      end
    ) as w (skip)
    order by r.user_id, r.shop_id
    returning shop_id, skip_reason
  )
  select array_agg(r.shop_id) filter (where r.skip_reason is null),
         (count(*) filter (where r.skip_reason is not null))::integer,
         coalesce(
           shops._skipped(array_agg(r.skip_reason) filter (where r.skip_reason is not null)),
           case when count(*) = 0 then 'no_shops' end
         )
  into v_shop_ids, skipped, why
  from runs as r;

  items := shops._start_passes(p_run_id, v_shop_ids);
  return next;
end;
$$;

comment on function shops.run_sales is
  'The schedule sales_tracker: read every shop''s new and changed orders, page by page. items = '
  'shops read, skipped = shops that are not, why = their reasons (disabled, no_subscription, '
  'not_connected, still_reading).';
