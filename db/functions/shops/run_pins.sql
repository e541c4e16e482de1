create or replace function shops.run_pins(p_run_id bigint)
returns table (items integer, skipped integer, why text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_sync_ids bigint[];
begin
  with shops_here as materialized (
    select t.user_id, t.shop_id, t.obstacle, t.target,
           greatest(least(r.pin_limit, r.pin_daily_limit - pinned.today), 0) as room
    from shops.platform_status as t
    join shops.readiness as r on r.user_id = t.user_id and r.shop_id = t.shop_id
    join shops.shops as s on s.user_id = t.user_id and s.shop_id = t.shop_id
    cross join lateral (
      select count(*)::integer as today
      from shops.syncs as y
      where y.user_id = s.user_id
        and y.shop_id = s.shop_id
        and y.platform = 'pinterest'
        and y.queued_at >= r.today::timestamp at time zone s.time_zone
    ) as pinned
    where t.platform = 'pinterest' and r.program = 'pod_autom'
  ),
  chosen as materialized (
    select h.user_id, h.shop_id, h.target, u.product_id, u.handle
    from shops_here as h
    cross join lateral (
      select n.product_id, n.handle
      from shops.unsynced as n
      where n.user_id = h.user_id and n.shop_id = h.shop_id and n.platform = 'pinterest'
      order by n.product_id
      limit h.room
    ) as u
    where h.obstacle is null
  ),
  queued as (
    insert into shops.syncs (user_id, product_id, shop_id, platform, target, link, tag)
    select c.user_id, c.product_id, c.shop_id, 'pinterest', c.target,
           format('https://%s/products/%s', s.domain, c.handle),
           'autom-' || c.product_id
    from chosen as c
    join shops.shops as s on s.user_id = c.user_id and s.shop_id = c.shop_id
    -- Of two runs at once, the other's choice stands.
    on conflict (user_id, product_id, platform) where state = 'queued' do nothing
    returning user_id, shop_id, sync_id
  ),
  runs as (
    insert into shops.shop_runs (user_id, shop_id, job, run_id, status, items, skip_reason)
    select h.user_id, h.shop_id, 'pinterest_sync', p_run_id,
           case when q.items > 0 then 'succeeded' else 'skipped' end,
           coalesce(q.items, 0),
           case
             when q.items > 0 then null
             when h.obstacle is not null then h.obstacle
             when h.room = 0 then 'daily_limit_reached'
             else 'nothing_unsynced'
           end
    from shops_here as h
    left join (
      select k.user_id, k.shop_id, count(*)::integer as items from queued as k group by k.user_id,
        k.shop_id
    ) as q on q.user_id = h.user_id and q.shop_id = h.shop_id
    returning items, skip_reason
  )
  select coalesce(sum(r.items), 0)::integer,
         (count(*) filter (where r.items = 0))::integer,
         coalesce(
           shops._skipped(array_agg(r.skip_reason) filter (where r.items = 0)),
           case when count(*) = 0 then 'no_shops' end
         ),
         (select array_agg(q.sync_id order by q.sync_id) from queued as q)
  into items, skipped, why, v_sync_ids
  from runs as r;

  if items > 0 then
    -- A call for each moment: as many as a run has places, however many shops there are.
    perform jobs.enqueue_many(
      p_kind     => 'shops.pin_product',
      p_payloads => array_agg(jsonb_build_object('sync_id', n.sync_id) order by n.sync_id),
      p_keys     => array_agg(n.connection_id::text order by n.sync_id),
      p_tenants  => array_agg(n.user_id order by n.sync_id),
      p_run_at   => jobs.clock() + n.later
    )
    from (
      select y.user_id, y.sync_id, c.connection_id,
             make_interval(mins => t.pin_spread_minutes)
             * ((row_number() over (partition by y.user_id, y.shop_id order by y.sync_id) - 1)
               / (count(*) over (partition by y.user_id, y.shop_id))::double precision) as later
      from shops.syncs as y
      join shops.settings as t on t.user_id = y.user_id and t.shop_id = y.shop_id
      join shops.shop_connections as c
        on c.user_id = y.user_id and c.shop_id = y.shop_id and c.service = 'pinterest'
      where y.sync_id = any (v_sync_ids)
    ) as n
    group by n.later
    order by n.later;
  end if;

  -- A board that we have not seen may be new: the next run knows.
  perform shops.look(t.shop_id)
  from shops.platform_status as t
  where t.platform = 'pinterest' and t.obstacle = 'board_unknown';
  return next;
end;
$$;

comment on function shops.run_pins is
  'The schedule pinterest_sync: pin unsynced products, the oldest first, up to the shop''s '
  'pin_limit a run and pin_daily_limit a day, at even distances over pin_spread_minutes. '
  'items = pins queued, skipped = shops without any, why = their reasons.';
