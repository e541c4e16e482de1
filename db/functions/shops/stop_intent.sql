create or replace function shops.stop_intent(
  p_intent_id bigint,
  p_reason text default 'stopped by a person'
)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_intent  record;
  v_stopped integer := 1;
begin
  select i.user_id, i.product_id, i.action, i.state into v_intent
  from shops.scaling_intents as i
  where i.intent_id = p_intent_id
  for update;
  if not found then
    raise exception using
      errcode = 'SH021',
      message = 'No such intent.',
      detail  = format('intent_id=%s', p_intent_id),
      hint    = 'select intent_id, action, state from shops.scaling_intents;';
  end if;

  if v_intent.action = 'variations' and v_intent.state = 'done' then
    -- Designs that are not in the shop yet are not made; their end gives the quota back.
    select count(jobs.cancel(a.job_id, p_reason)) into v_stopped
    from shops.products as p
    join jobs.active as a
      on a.tenant = p.user_id and a.payload ->> 'product_id' = p.product_id::text
    join shops.steps as t on t.kind = a.kind
    where p.user_id = v_intent.user_id and p.parent_product_id = v_intent.product_id
      and p.quota_state = 'held';
  elsif v_intent.state <> 'open' then
    return 0;
  end if;

  update shops.scaling_intents as i
  set state = 'stopped', reason = p_reason, ended_at = jobs.clock()
  where i.user_id = v_intent.user_id and i.intent_id = p_intent_id;
  return v_stopped;
end;
$$;

comment on function shops.stop_intent is
  'Stop what is done about a winner: a raise or an expansion that is still open does not happen; '
  'variations that are not in the shop yet are not made, and their quota goes back. Returns how '
  'many steps were stopped; 0: it was over already. SH021: no such intent.';
grant execute on function shops.stop_intent to autom_operator, service_role;
