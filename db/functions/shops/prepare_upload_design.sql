create or replace function shops.prepare_upload_design(
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
            'filename', p.handle || '.' || split_part(d.media_type, '/', 2),
            'media_type', d.media_type,
            -- encode() breaks lines.
            'image_base64', replace(encode(d.picture, 'base64'), E'\n', '')
          )
        )
        from shops.products as p
        join shops.designs as d on d.user_id = p.user_id and d.product_id = p.product_id
        where p.user_id = t.user_id and p.product_id = t.product_id
      )
    )
    from shops._take_step('shops.upload_design', p_payload) as t
  );
end;
$$;

comment on function shops.prepare_upload_design is
  'Prepares shops.upload_design. Payload: {"product_id"}. A second upload makes a second file, '
  'which nothing uses.';
