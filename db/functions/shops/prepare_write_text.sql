create or replace function shops.prepare_write_text(
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
        p_job_id, t.user_id, t.product_id, t.connection_id, 'text',
        (
          select shops._text_request(n.language, shops._told(t.user_id, t.product_id))
          from shops.products as p
          join shops.niches as n on n.user_id = p.user_id and n.niche_id = p.niche_id
          where p.user_id = t.user_id and p.product_id = t.product_id
        ),
        p_maybe_sent
      )
    )
    from shops._take_step('shops.write_text', p_payload) as t
  );
end;
$$;

comment on function shops.prepare_write_text is
  'Prepares shops.write_text. Payload: {"product_id"}. Asks for title, description and tags by '
  'the niche''s prompts, once the budget allows it.';
