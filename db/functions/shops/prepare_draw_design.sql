create or replace function shops.prepare_draw_design(
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
      shops._ask_model(
        p_job_id, t.user_id, t.product_id, t.connection_id, 'image',
        jsonb_build_object(
          'prompt', shops._prompt(t.user_id, t.product_id, 'image'),
          -- 2:3, which is what Pinterest shows whole.
          'size', '1024x1536'
        ),
        p_maybe_sent
      )
    )
    from shops._take_step('shops.draw_design', p_payload) as t
  );
end;
$$;

comment on function shops.prepare_draw_design is
  'Prepares shops.draw_design. Payload: {"product_id"}. Asks for a picture of the niche''s '
  'prompt, once the budget allows it.';
