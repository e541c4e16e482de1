create or replace function shops._settle_text(
  p_kind text,
  p_step text,
  p_job_id bigint,
  p_payload jsonb,
  p_result jsonb
)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_call    record;
  v_problem text;
  v_output  jsonb := p_result #> '{answer,output}';
begin
  select c.user_id, c.product_id, c.model into v_call
  from shops.ai_calls as c
  where c.job_id = p_job_id and c.state = 'open';
  perform shops._settle_ai_call(p_job_id, p_result);

  if p_result ->> 'state' <> 'done' then
    perform shops._fail_step(p_kind, p_payload, p_result);
    return null;
  end if;

  v_problem := shops._text_problem(p_result -> 'answer',
    shops._told(v_call.user_id, v_call.product_id));
  if v_problem is not null then
    return jsonb_build_object('later', null, 'reason', v_problem);
  end if;

  update shops.products as p
  set state       = case p_step when 'written' then 'written' else p.state end,
      title       = btrim(v_output ->> 'title'),
      description = btrim(v_output ->> 'description'),
      tags        = shops._tags(
        v_output -> 'tags', array[n.slug] || case p_step when 'written' then array['POD_NEW']
          else '{}' end
      )
  from shops.steps as t, shops.niches as n
  where p.user_id = v_call.user_id
    and p.product_id = v_call.product_id
    and t.kind = p_kind
    and p.state = t.state
    and n.user_id = p.user_id
    and n.niche_id = p.niche_id;
  if not found then
    return null;
  end if;

  insert into shops.texts (user_id, product_id, step, title, description, tags, model)
  select p.user_id, p.product_id, p_step, p.title, p.description, p.tags, v_call.model
  from shops.products as p
  where p.user_id = v_call.user_id and p.product_id = v_call.product_id;

  perform shops._enqueue_step(
    case p_step when 'written' then 'shops.upload_design' else 'shops.update_product' end,
    v_call.user_id, v_call.product_id
  );
  return null;
end;
$$;

comment on function shops._settle_text is
  'Settles both text steps: records the cost, keeps a text that has no problem and goes on; one '
  'that has is tried again, and in the end the step gives up with that reason.';
