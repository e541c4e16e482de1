create or replace function jobs._replace(
  p_kind       text,
  p_unique_key text,
  p_job_id     bigint,
  p_payload    jsonb,
  p_run_at     timestamptz,
  p_priority   integer,
  p_for        interval
)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_holder bigint;
  v_job    jobs.running;
begin
  -- The key before the job, as in jobs.cancel.
  select u.job_id from jobs.unique_keys as u
  where u.kind = p_kind and u.unique_key = p_unique_key
  for update
  into v_holder;

  if v_holder is not null then
    v_job := jobs._withdraw(v_holder);
  end if;
  if v_job.job_id is null then
    -- It runs, or has ended: the new job follows it and takes the key over.
    insert into jobs.unique_keys (kind, unique_key, job_id, until)
    values (p_kind, p_unique_key, p_job_id, jobs.clock() + p_for)
    on conflict (kind, unique_key) do update set job_id = excluded.job_id, until = excluded.until;
    return p_job_id;
  end if;

  update jobs.jobs as j
  set payload = coalesce(p_payload, '{}'), priority = p_priority
  where j.job_id = v_holder;
  v_job.failures := 0;
  v_job.priority := p_priority;
  perform jobs._put_in_line(v_job, p_run_at, null);
  return v_holder;
end;
$$;

comment on function jobs._replace is
  'Give the job that holds a unique key a new payload and time, if it still waits. If it does not,
the key goes to p_job_id. Returns who holds the key in the end.';
