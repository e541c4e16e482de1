create or replace function jobs._resolve(p_ended bigint[], p_limit integer)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_ended    bigint[] := p_ended;
  v_children bigint[];
  v_resolved integer := 0;
begin
  -- Wave by wave: who is cancelled here may have others waiting for it. A report does not pay for
  -- thousands: jobs.tick comes to those who are left.
  while cardinality(v_ended) > 0 loop
    with resolved as (
      update jobs.waits as w
      set state = coalesce(e.state, 'unknown')
      from unnest(v_ended) as n (job_id)
      left join lateral (
        select h.state from jobs.history as h
        where h.job_id = n.job_id and h.state not in ('retry', 'lost')
        order by h.run_no desc
        limit 1
      ) as e on true
      where w.parent_id = n.job_id and w.state is null
      returning w.job_id
    )
    select array_agg(distinct r.job_id) from resolved as r into v_children;
    v_resolved := v_resolved + coalesce(cardinality(v_children), 0);
    v_ended := jobs._decide(v_children, p_limit);
  end loop;
  return v_resolved;
end;
$$;

comment on function jobs._resolve is
  'These jobs have ended: write that down where others wait for it, and let those go on that need
not wait any more, p_limit at a time. Two that end at the same moment do not see each other, and
some may be left; jobs._look_after sees them.';
