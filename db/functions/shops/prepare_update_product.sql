create or replace function shops.prepare_update_product(
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
            'product_gid', p.product_gid,
            'title', p.title,
            'description_html', shops._paragraphs(p.description),
            'tags', p.tags
          )
        )
        from shops.products as p
        where p.user_id = t.user_id and p.product_id = t.product_id
      )
    )
    from shops._take_step('shops.update_product', p_payload) as t
  );
end;
$$;

comment on function shops.prepare_update_product is
  'Prepares shops.update_product. Payload: {"product_id"}. Puts the optimised text into the shop.';
