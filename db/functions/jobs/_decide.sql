create or replace function jobs._decide(p_job_ids bigint[], p_limit integer)
returns bigint[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set jit = off
as $$
declare
  v_locked bigint[];
  v_free   bigint[];
  v_ended  bigint[];
  v_states text[];
  v_whys   text[];
begin
  -- Nobody waits here: a parent that ends in a long transaction would hold up all the others. Who
  -- is passed over is met by the next tick, which locks nobody who has to go on waiting. Each look
  -- has a limit of its own: one that waits for thousands is asked at each of their ends.
  v_locked := array(
    select p.job_id from jobs.parked as p
    where p.job_id = any (p_job_ids)
      and (select true from jobs.waits as w where w.job_id = p.job_id limit 1)
      and (
        (
          select true from jobs.waits as w where w.job_id = p.job_id and w.state is null limit 1
        ) is null
        or (
          select true from jobs.waits as w
          where w.job_id = p.job_id and w.policy = 'on_success' and w.state <> 'done'
          limit 1
        )
      )
    order by p.job_id
    limit p_limit
    for update skip locked
  );
  if cardinality(v_locked) = 0 then
    return v_locked;
  end if;

  select coalesce(array_agg(c.job_id) filter (where c.state is null), '{}'),
         coalesce(array_agg(c.job_id) filter (where c.state is not null), '{}'),
         array_agg(c.state) filter (where c.state is not null),
         array_agg(
           case c.state when 'skipped' then 'All jobs it waited for are done.'
             else format('Job %s, which it waited for, is not done.', c.culprit) end
         ) filter (where c.state is not null)
  from (
    select w.job_id,
           case
             when bool_or(w.policy = 'on_success' and w.state <> 'done') then 'cancelled'
             when bool_and(w.policy = 'on_failure' and w.state = 'done') then 'skipped'
           end as state,
           min(w.parent_id) filter (where w.policy = 'on_success' and w.state <> 'done') as culprit
    from jobs.waits as w
    where w.job_id = any (v_locked)
    group by w.job_id
  ) as c
  into v_free, v_ended, v_states, v_whys;
  if cardinality(v_ended) > 0 then
    perform jobs._end_parked(v_ended, v_states, v_whys);
  end if;
  if cardinality(v_free) > 0 then
    perform jobs._hand_on(v_free);
    perform jobs._unpark(v_free);
  end if;
  return v_ended;
end;
$$;

comment on function jobs._decide is
  'What becomes of parked jobs that wait for others, of p_limit at most: those that need not wait
any more get in line, or are cancelled or skipped as their policies say; returns the latter two.';
