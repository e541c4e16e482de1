create or replace function shops.settle_draw_design(
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
  v_call       record;
  v_picture    bytea;
  v_media_type text;
begin
  select c.user_id, c.product_id, c.model, c.quality into v_call
  from shops.ai_calls as c
  where c.job_id = p_job_id and c.state = 'open';
  perform shops._settle_ai_call(p_job_id, p_result);

  if p_result ->> 'state' <> 'done' then
    perform shops._fail_step('shops.draw_design', p_payload, p_result);
    return null;
  end if;

  v_picture := shops._picture(p_result #>> '{answer,image_base64}');
  v_media_type := shops._media_type(v_picture);
  if v_media_type is null then
    return jsonb_build_object('later', null, 'reason', 'The answer is no picture.');
  end if;

  update shops.products as p
  set state = 'drawn'
  where p.user_id = v_call.user_id and p.product_id = v_call.product_id and p.state = 'planned';
  if not found then
    return null;
  end if;

  insert into shops.designs (user_id, product_id, picture, media_type, prompt, model, quality)
  values (
    v_call.user_id, v_call.product_id, v_picture, v_media_type,
    shops._prompt(v_call.user_id, v_call.product_id, 'image'), v_call.model, v_call.quality
  );
  perform shops._enqueue_step('shops.write_text', v_call.user_id, v_call.product_id);
  return null;
end;
$$;

comment on function shops.settle_draw_design is
  'Settles shops.draw_design: records the cost, keeps the picture and goes on to the text. An '
  'answer that is no PNG, JPEG or WebP is tried again.';
