create or replace function shops._enqueue_step(p_kind text, p_user_id uuid, p_product_id bigint)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
-- plpgsql keeps its plans; sql would plan anew for every job.
as $$
begin
  return (
    select jobs.enqueue(
      p_kind       => p_kind,
      p_payload    => jsonb_build_object('product_id', p.product_id),
      p_key        => c.connection_id::text,
      p_tenant     => p.user_id,
      p_unique_key => p.product_id::text
    )
    from shops.products as p
    join shops.steps as t on t.kind = p_kind
    left join shops.shop_connections as c
      on c.user_id = p.user_id and c.shop_id = p.shop_id and c.service = t.service
    where p.user_id = p_user_id and p.product_id = p_product_id
  );
end;
$$;

comment on function shops._enqueue_step is
  'Let a product take a step; while that step is under way already, this changes nothing.';
