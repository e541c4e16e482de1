create or replace function shops._open_ai_call(
  p_job_id bigint,
  p_user_id uuid,
  p_shop_id uuid,
  p_product_id bigint,
  p_task text,
  p_model text,
  p_quality text,
  p_asked jsonb,
  p_maybe_sent boolean
)
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ceiling bigint;
begin
  insert into shops.budget_months (user_id, month)
  values (p_user_id, shops._month())
  on conflict do nothing;
  perform from shops.budget_months as b where b.user_id = p_user_id order by b.month for update;

  -- An attempt before this one may still be open: nobody told how it ended, or that it was refused.
  if exists (select from shops.ai_calls as c where c.job_id = p_job_id and c.state = 'open') then
    perform shops._end_ai_call(
      p_job_id, case when p_maybe_sent then 'unknown' else 'not_charged' end
    );
  end if;

  select m.ceiling into v_ceiling
  from shops.models as m
  where m.task = p_task and m.model = p_model and m.quality = p_quality;

  if not exists (
    select from shops.budget as b where b.user_id = p_user_id and b.budget_left >= v_ceiling
  ) then
    return 'budget_reached';
  end if;

  insert into shops.ai_calls (
    user_id, shop_id, product_id, job_id, month, task, model, quality, input_hash, ceiling
  )
  values (
    p_user_id, p_shop_id, p_product_id, p_job_id, shops._month(), p_task, p_model, p_quality,
    encode(sha256(convert_to(p_asked::text, 'UTF8')), 'hex'), v_ceiling
  );
  update shops.budget_months as b
  set held = b.held + v_ceiling
  where b.user_id = p_user_id and b.month = shops._month();
  return null;
end;
$$;

comment on function shops._open_ai_call is
  'Allow a job one paid call, in the transaction that hands out its request: its ceiling is held '
  'from the user''s budget under a lock, so that no number of workers overspends. The answer is '
  'why not (budget_reached), or null.';
