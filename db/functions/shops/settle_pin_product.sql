create or replace function shops.settle_pin_product(
  p_job_id bigint,
  p_payload jsonb,
  p_result jsonb
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text := p_result ->> 'state';
  v_sync  record;
begin
  if v_state = 'done' and coalesce(p_result #>> '{answer,pin_id}', '') = '' then
    return jsonb_build_object('later', null, 'reason', 'The answer names no pin.');
  end if;

  update shops.syncs as y
  set state       = case
        when v_state in ('done', 'skipped', 'unknown') then v_state
        when p_result ->> 'code' = 'spam' then 'failed'
        when f.attempts <= (
          select count(*) + 1
          from shops.syncs as e
          where e.user_id = y.user_id
            and e.product_id = y.product_id
            and e.platform = y.platform
            and e.state = 'failed'
        ) then 'given_up'
        else 'failed'
      end,
      external_id = p_result #>> '{answer,pin_id}',
      reason      = case when v_state <> 'done'
        then left(coalesce(p_result ->> 'reason', v_state), 500) end,
      ended_at    = jobs.clock()
  from shops.platforms as f
  where y.sync_id = (p_payload ->> 'sync_id')::bigint
    and y.state = 'queued'
    and f.platform = y.platform
  returning y.user_id, y.shop_id, y.platform into v_sync;

  if v_sync.user_id is not null and p_result ->> 'code' = 'spam' then
    insert into shops.platform_stops (user_id, shop_id, platform, reason)
    values (v_sync.user_id, v_sync.shop_id, v_sync.platform, left(p_result ->> 'reason', 500))
    on conflict do nothing;
  end if;
  return null;
end;
$$;

comment on function shops.settle_pin_product is
  'Settles shops.pin_product: done only with the provider''s id. A failed one may be tried by a '
  'later run, as often as platforms.attempts says; one called spam stops the shop on this '
  'platform until shops.resume_platform.';
