create or replace function jobs.snooze(
  p_job_id bigint,
  p_run_no integer,
  p_until  timestamptz,
  p_reason text default null
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_job jobs.running;
begin
  select r.* from jobs.running as r
  where r.job_id = p_job_id and r.run_no = p_run_no
  for update
  into v_job;
  if not found then
    return 'stale';
  elsif not jobs._set_aside(v_job) then
    return 'cancelled';
  end if;
  return jobs._put_in_line(v_job, p_until, p_reason);
end;
$$;

comment on function jobs.snooze is
  'Put a running job off until p_until; costs no attempt. Who calls it says that its request did not
go out. Returns scheduled, ready, cancelled or stale.';
grant execute on function jobs.snooze to autom_worker, autom_operator;
