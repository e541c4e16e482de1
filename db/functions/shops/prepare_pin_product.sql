create or replace function shops.prepare_pin_product(
  p_job_id bigint,
  p_payload jsonb,
  p_maybe_sent boolean
)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
-- plpgsql keeps its plans; sql would plan anew for every job.
as $$
begin
  return (
    select case
      when y.sync_id is null then jsonb_build_object('skip', 'The product is gone.')
      when y.state <> 'queued' then jsonb_build_object('skip', format('The pin is %s.', y.state))
      when p.shop_status is distinct from 'ACTIVE' then jsonb_build_object('skip', 'not_active')
      when p.image_url is null then jsonb_build_object('skip', 'no_picture')
      -- What may be there already is looked for, whatever has changed since.
      when t.obstacle is not null and not l.look_first then jsonb_build_object('skip', t.obstacle)
      else jsonb_build_object(
        'connection_id', c.connection_id,
        'request', jsonb_build_object(
          'board_id', y.target,
          'title', shops._plain(p.title, 100),
          'description', shops._plain(p.description, 500),
          'link', format('%s?utm_source=pinterest&utm_medium=social&utm_content=%s', y.link, y.tag),
          'alt_text', shops._plain(p.title, 500),
          'image_url', p.image_url,
          'maybe_sent', l.look_first
        )
      )
    end
    from (select (p_payload ->> 'sync_id')::bigint as sync_id) as asked
    left join shops.syncs as y on y.sync_id = asked.sync_id
    left join shops.products as p on p.user_id = y.user_id and p.product_id = y.product_id
    left join shops.platform_status as t
      on t.user_id = y.user_id and t.shop_id = y.shop_id and t.platform = y.platform
    left join shops.shop_connections as c
      on c.user_id = y.user_id and c.shop_id = y.shop_id and c.service = 'pinterest'
    cross join lateral (
      select p_maybe_sent or exists (
        select
        from shops.syncs as e
        where e.user_id = y.user_id
          and e.product_id = y.product_id
          and e.platform = y.platform
          and e.state = 'unknown'
      )
    ) as l (look_first)
  );
end;
$$;

comment on function shops.prepare_pin_product is
  'Prepares shops.pin_product. Payload: {"sync_id"}. The link carries our tag, by which a pin '
  'that may have been made is found on the board before another is tried. Skipped where something '
  'came in the way meanwhile.';
