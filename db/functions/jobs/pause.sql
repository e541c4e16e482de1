create or replace function jobs.pause(
  p_queue  text,
  p_key    text default null,
  p_until  timestamptz default null,
  p_reason text default null
)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into jobs.pauses as p (queue, key, until, reason, paused_at)
  values (p_queue, coalesce(p_key, ''), p_until, p_reason, jobs.clock())
  on conflict (queue, key) do update
  set until = excluded.until, reason = excluded.reason, paused_at = excluded.paused_at;
$$;

comment on function jobs.pause is
  'No worker takes a job of this queue, or of this key of it, until p_until or jobs.resume. What runs
goes on.';
grant execute on function jobs.pause to autom_worker, autom_operator;
