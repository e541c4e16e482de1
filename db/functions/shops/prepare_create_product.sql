create or replace function shops.prepare_create_product(
  p_job_id bigint,
  p_payload jsonb,
  p_maybe_sent boolean
)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
-- plpgsql keeps its plans; sql would plan anew for every job.
as $$
begin
  return (
    select coalesce(
      t.halt,
      (
        select jsonb_build_object(
          'connection_id', t.connection_id,
          'request', jsonb_build_object(
            'handle', p.handle,
            'title', p.title,
            'description_html', shops._paragraphs(p.description),
            'tags', p.tags,
            'vendor', s.vendor,
            'price', shops._price_text(p.price_minor, p.currency),
            'sku', p.sku,
            'status', 'DRAFT',
            'image', jsonb_build_object('resource_url', p.resource_url, 'alt', p.title)
          )
        )
        from shops.products as p
        join shops.settings as s on s.user_id = p.user_id and s.shop_id = p.shop_id
        where p.user_id = t.user_id and p.product_id = t.product_id
      )
    )
    from shops._take_step('shops.create_product', p_payload) as t
  );
end;
$$;

comment on function shops.prepare_create_product is
  'Prepares shops.create_product. Payload: {"product_id"}. An upsert by the handle that was fixed '
  'when the product was planned, so a repeat makes no second one.';
