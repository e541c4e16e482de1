create or replace function jobs._roll_up(p_hour timestamptz)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kinds integer;
begin
  update jobs.rolled_hours as r set rolled_at = jobs.clock()
  where r.hour = p_hour and r.rolled_at is null;
  if not found then
    return 0;
  end if;
  insert into jobs.history_hours (
    hour, queue, kind, done, failed, unknown, skipped, cancelled, retried, lost,
    run_p50, run_p95, wait_p50, wait_p95
  )
  select p_hour, j.queue, j.kind,
         count(*) filter (where h.state = 'done'),
         count(*) filter (where h.state = 'failed'),
         count(*) filter (where h.state = 'unknown'),
         count(*) filter (where h.state = 'skipped'),
         count(*) filter (where h.state = 'cancelled'),
         count(*) filter (where h.state = 'retry'),
         count(*) filter (where h.state = 'lost'),
         percentile_cont(0.5) within group (order by h.finished_at - h.started_at),
         percentile_cont(0.95) within group (order by h.finished_at - h.started_at),
         percentile_cont(0.5) within group (order by w.wait),
         percentile_cont(0.95) within group (order by w.wait)
  from jobs.history as h
  join jobs.jobs as j on j.job_id = h.job_id
  cross join lateral (
    select case when h.run_no = 1 then h.started_at - j.created_at end as wait
  ) as w
  where h.finished_at >= p_hour and h.finished_at < p_hour + interval '1 hour'
  group by j.queue, j.kind;
  get diagnostics v_kinds = row_count;
  return v_kinds;
end;
$$;

comment on function jobs._roll_up is
  'Write the sums of an hour, unless they are written; returns how many kinds of jobs it had.';
