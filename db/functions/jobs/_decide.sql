create or replace function jobs._decide(p_job_ids bigint[])
returns bigint[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_locked bigint[];
  v_free   bigint[] := array[]::bigint[];
  v_ended  bigint[] := array[]::bigint[];
  v_job    jobs.running;
  v_child  record;
begin
  -- Nobody waits here: a parent that ends in a long transaction would hold up all the others. Who
  -- is passed over is met by the next tick, which locks nobody who has to go on waiting.
  v_locked := array(
    select p.job_id from jobs.parked as p
    where p.job_id = any (p_job_ids)
      and exists (select from jobs.waits as w where w.job_id = p.job_id)
      and (
        not exists (select from jobs.waits as w where w.job_id = p.job_id and w.state is null)
        or exists (
          select from jobs.waits as w
          where w.job_id = p.job_id and w.policy = 'on_success' and w.state <> 'done'
        )
      )
    order by p.job_id
    for update skip locked
  );
  for v_child in
    select w.job_id, bool_and(w.state is not null) as is_over,
           min(w.parent_id) filter (where w.policy = 'on_success' and w.state <> 'done') as culprit,
           bool_or(w.policy = 'on_failure') as is_for_failure,
           bool_or(w.policy = 'on_failure' and w.state <> 'done') as has_failure
    from jobs.waits as w
    where w.job_id = any (v_locked)
    group by w.job_id
    order by w.job_id
  loop
    continue when v_child.culprit is null and not v_child.is_over;
    if v_child.culprit is null and (v_child.has_failure or not v_child.is_for_failure) then
      v_free := v_free || v_child.job_id;
      continue;
    end if;
    -- The unique key before the job, as in jobs.cancel; who changes its holder just now goes first.
    perform from jobs.unique_keys as u where u.job_id = v_child.job_id for update skip locked;
    continue when not found
      and exists (select from jobs.unique_keys as u where u.job_id = v_child.job_id);
    v_job := jobs._withdraw(v_child.job_id);
    v_job.run_no := v_job.run_no + 1;
    if v_child.culprit is not null then
      perform jobs._finish(
        v_job, 'cancelled', format('Job %s, which it waited for, is not done.', v_child.culprit),
        'parent', p_propagate => false
      );
    else
      perform jobs._finish(
        v_job, 'skipped', 'All jobs it waited for are done.', 'parent', p_propagate => false
      );
    end if;
    v_ended := v_ended || v_child.job_id;
  end loop;

  if cardinality(v_free) > 0 then
    perform jobs._hand_on(v_free);
    perform jobs._unpark(v_free);
  end if;
  return v_ended;
end;
$$;

comment on function jobs._decide is
  'What becomes of parked jobs that wait for others: those that need not wait any more get in line,
or are cancelled or skipped as their policies say; returns the latter two.';
