create or replace function accounts.subscribe(
  p_user_id uuid,
  p_plan text,
  p_state text default 'active',
  p_period_start timestamptz default null,
  p_period_end timestamptz default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_subscription_id bigint;
begin
  -- Two subscribes of one user take turns here; the second sees what the first left.
  perform from accounts.users as u where u.user_id = p_user_id for no key update;
  if not found then
    raise exception using
      errcode = 'US002',
      message = 'No such user.',
      detail  = format('user_id=%s', p_user_id);
  end if;

  if p_state = 'canceled' then
    -- A late word about an old plan must not end the present one.
    update accounts.subscriptions as s
    set state = 'canceled', ended_at = jobs.clock(),
      period_end = coalesce(p_period_end, s.period_end)
    where s.user_id = p_user_id and s.plan = p_plan and s.state <> 'canceled';

    select max(s.subscription_id) into v_subscription_id
    from accounts.subscriptions as s
    where s.user_id = p_user_id and s.plan = p_plan;
    if v_subscription_id is null then
      raise exception using
        errcode = 'US003',
        message = 'The user has no such subscription.',
        detail  = format('user_id=%s plan=%s', p_user_id, p_plan);
    end if;
    return v_subscription_id;
  end if;

  update accounts.subscriptions as s
  set state = 'canceled', ended_at = jobs.clock()
  where s.user_id = p_user_id and s.plan <> p_plan and s.state <> 'canceled';

  update accounts.subscriptions as s
  set state        = p_state,
      period_start = coalesce(p_period_start, case when s.period_end <= jobs.clock()
        then jobs.clock() else s.period_start end),
      period_end   = coalesce(p_period_end, case when s.period_end > jobs.clock()
        then s.period_end end)
  where s.user_id = p_user_id and s.state <> 'canceled'
  returning s.subscription_id into v_subscription_id;
  if v_subscription_id is null then
    insert into accounts.subscriptions (user_id, plan, state, period_start, period_end)
    values (p_user_id, p_plan, p_state, coalesce(p_period_start, jobs.clock()), p_period_end)
    returning subscriptions.subscription_id into v_subscription_id;
  end if;
  return v_subscription_id;
end;
$$;

comment on function accounts.subscribe is
  'Say what the user''s subscription is now; return its id. The same plan is updated in place (a '
  'renewal, a payment past due), another plan ends the present one, ''canceled'' ends it at once. '
  'A period not given is kept while it runs; else it starts now and is open. Saying the same '
  'again changes nothing. US002: no such user. US003: nothing to cancel.';
grant execute on function accounts.subscribe to autom_operator, service_role;
