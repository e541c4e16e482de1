create or replace function shops.settle_check_media(
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
  v_media jsonb;
  v_since timestamptz;
begin
  if p_result ->> 'state' <> 'done' then
    perform shops._fail_step('shops.check_media', p_payload, p_result);
    return null;
  end if;

  v_media := p_result #> '{answer,media,0}';
  case
    when v_media ->> 'status' = 'READY' and coalesce(v_media ->> 'url', '') <> '' then
      update shops.products as p
      set image_url = v_media ->> 'url'
      where p.product_id = (p_payload ->> 'product_id')::bigint and p.state = 'created';
      return null;
    when v_media ->> 'status' = 'FAILED' then
      return jsonb_build_object('give_up',
        format('The shop cannot use the picture: %s', v_media ->> 'errors'));
    else
      select p.state_since into v_since
      from shops.products as p
      where p.product_id = (p_payload ->> 'product_id')::bigint;
      if jobs.clock() > v_since + interval '1 hour' then
        return jsonb_build_object('give_up',
          'The shop did not get the picture ready within an hour.');
      end if;
      -- Soon at first, then ever less often: a quarter of the time that has passed.
      return jsonb_build_object(
        'snooze', least(60, greatest(0.5, extract(epoch from jobs.clock() - v_since) / 4)),
        'reason', 'The shop is still working on the picture.'
      );
  end case;
end;
$$;

comment on function shops.settle_check_media is
  'Settles shops.check_media: keeps the picture''s public address once the shop has it ready, '
  'asks again while it works on it, for an hour at most.';
