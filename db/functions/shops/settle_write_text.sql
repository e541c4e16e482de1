create or replace function shops.settle_write_text(p_job_id bigint, p_payload jsonb, p_result jsonb)
returns jsonb
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  select shops._settle_text('shops.write_text', 'written', p_job_id, p_payload, p_result);
$$;

comment on function shops.settle_write_text is
  'Settles shops.write_text: checks and keeps title, description and tags, then uploads the '
  'design.';
