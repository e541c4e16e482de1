create or replace function jobs.enqueue(
  p_kind         text,
  p_payload      jsonb default '{}',
  p_key          text default null,
  p_tenant       uuid default null,
  p_run_at       timestamptz default null,
  p_priority     integer default null,
  p_unique_key   text default null,
  p_unique_mode  text default 'ignore',
  p_unique_for   interval default null,
  p_unique_until text default 'finished',
  p_max_wait     interval default null,
  p_after        bigint[] default null,
  p_policy       text default 'on_success',
  p_batch_id     bigint default null,
  p_timeout      interval default null
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return (jobs._enqueue(
    p_kind, array[p_payload], array[p_key], array[p_tenant], p_run_at, p_priority,
    array[p_unique_key], p_unique_mode, p_unique_for, p_unique_until, p_max_wait, p_after,
    p_policy, p_batch_id, p_timeout
  ))[1];
end;
$$;

comment on function jobs.enqueue is
  'Put one job in line, in the caller''s transaction; returns its id, or that of the job that does
the work instead.
p_key: what limits and fairness count by. p_priority: 0 urgent to 3 idle, null as the kind says.
p_run_at: not before.
p_unique_key: one job of the kind holds it, until it has finished, or with p_unique_until claimed
only until a worker takes it; p_unique_for: and at least that long from when it may run. Where
another job holds it, p_unique_mode says what becomes of this call:
- ignore: nothing; the other one is returned. If it is held until claimed, that one is not claimed
  before the caller has committed, and so sees what the caller did.
- reject: JQ001.
- replace: the other one gets the new payload, time and priority.
- throttle: it gets the new payload and keeps its time.
- debounce: it gets the new payload and the new time, p_run_at, but no later than p_max_wait after
  it was enqueued; null waits for ever.
The last three change a job only before its work begins. One that runs, or is between its steps, or
whose request may have been sent, or that has ended within p_unique_for, is followed by the new job,
which takes the key over: a throttled one when the time of the other is over.
p_after: it is parked until those jobs have ended; their results are then in its payload as
"parents", and in jobs.parents. p_policy on_success: it is cancelled once one of them ends other
than done; on_any: however they end; on_failure: it is skipped unless one of them is not done.
p_batch_id: it joins a batch, see jobs.open_batch; where another job does the work instead, that one
stays where it belongs. p_timeout: how long one call may take, null as the kind says.
Raises JQ001, JQ002 (unknown kind), JQ003 (unknown mode), JQ009 (one of p_after is not there),
JQ030 (unknown p_unique_until), JQ031 (debounce without p_run_at), JQ032 (no open batch), JQ034
(unknown priority), JQ037 (unknown p_policy).';
grant execute on function jobs.enqueue to autom_worker, autom_operator;
