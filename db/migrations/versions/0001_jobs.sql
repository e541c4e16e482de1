-- Nobody may run a function unless its file says so.
alter default privileges revoke execute on functions from public;

-- Roles belong to the whole server: another database of it may make them at this very moment.
do $$
declare
  v_role text;
begin
  foreach v_role in array array[
    'autom_worker', 'autom_web', 'autom_operator', 'autom_reader', 'anon', 'authenticated',
    'service_role'
  ] loop
    if not exists (select from pg_catalog.pg_roles as r where r.rolname = v_role) then
      begin
        execute format('create role %I nologin', v_role);
      exception
        when duplicate_object or unique_violation then
          null;
      end;
    end if;
  end loop;
end;
$$;

comment on schema autom is 'Bookkeeping of upgrades: the revision and the code that are in place.';

create schema jobs;
comment on schema jobs is 'The kernel: queue, schedules, runs, limits, clock.';

create function jobs.clock()
returns timestamptz
language sql
stable
parallel safe
as $$ select statement_timestamp() $$;

comment on function jobs.clock is
  'The time that every rule goes by: when the present statement began. Tests move it.';

-- What kinds of work there are, and where they wait

create table jobs.queues (
  queue       text primary key,
  concurrency integer not null default 10,
  max_running integer,
  rate        double precision,
  burst       integer not null default 1,
  description text not null default '',
  constraint queues_are_named_simply check (queue ~ '^[a-z][a-z0-9_]{0,48}$'),
  constraint queues_run_something check (
    concurrency > 0 and max_running >= 0 and rate > 0 and burst > 0
  )
);
comment on table jobs.queues is 'Where jobs wait. A worker serves whole queues.';
comment on column jobs.queues.concurrency is 'Jobs that one worker works at once.';
comment on column jobs.queues.max_running is
  'Jobs that all workers together work at once; null is no bound.';
comment on column jobs.queues.rate is
  'Jobs that all workers together start a second; null is no bound.';
comment on column jobs.queues.burst is
  'Jobs that may start at once after a time in which none did.';

create table jobs.kinds (
  kind         text primary key,
  queue        text not null references jobs.queues,
  prepare      text,
  settle       text,
  max_attempts integer not null default 5,
  backoff_base interval not null default '2 s',
  backoff_cap  interval not null default '15 min',
  timeout      interval not null default '60 s',
  effect       text,
  priority     integer not null default 2,
  in_sql       boolean not null default false,
  description  text not null,
  constraint kinds_name_functions_with_their_schema check (
    prepare ~ '^[a-z_][a-z0-9_]*[.][a-z_][a-z0-9_]*$'
    and settle ~ '^[a-z_][a-z0-9_]*[.][a-z_][a-z0-9_]*$'
  ),
  constraint kinds_try_at_least_once check (max_attempts > 0),
  constraint kinds_wait_before_they_try_again check (
    backoff_base >= interval '0' and backoff_cap >= backoff_base
  ),
  constraint kinds_take_some_time check (timeout > interval '0'),
  -- A deadline that no timestamp holds would fail every claim of the queue.
  constraint kinds_take_a_year_at_most check (timeout <= interval '365 days'),
  constraint kinds_know_what_a_repeat_does check (
    effect in ('natural', 'native_key', 'read_back', 'at_most_once', 'repeatable')
  ),
  constraint kinds_have_one_of_four_priorities check (priority between 0 and 3),
  constraint kinds_in_sql_are_prepared check (not in_sql or prepare is not null)
);
-- Serves the foreign key.
create index kinds_queue_idx on jobs.kinds (queue);
comment on table jobs.kinds is
  'The kinds of work. A kind without prepare and settle goes to its handler as it is.';
comment on column jobs.kinds.prepare is
  'f(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) returns jsonb: '
  '{"request": {}, "connection_id": uuid}, {"skip": reason}, {"later": seconds, "reason": text}, '
  '{"give_up": reason}, or {"done": answer} where the function itself was the work.';
comment on column jobs.kinds.settle is
  'f(p_job_id bigint, p_payload jsonb, p_result jsonb) returns jsonb: null; or, refusing a "done", '
  '{"later": seconds, "reason": text}, {"snooze": seconds, "reason": text} or {"give_up": reason}.';
comment on column jobs.kinds.max_attempts is 'Failures and crashes after which a job is dead.';
comment on column jobs.kinds.backoff_base is
  'Wait after the first failure; each further one doubles it.';
comment on column jobs.kinds.backoff_cap is 'The longest wait between two attempts.';
comment on column jobs.kinds.timeout is
  'How long one call may take before the worker stops it; a year at most.';
comment on column jobs.kinds.effect is 'Why a repeat is safe; null has no effect outside.';
comment on column jobs.kinds.in_sql is
  'Its prepare function is all of the work: any worker does it, and none needs a handler.';
comment on column jobs.kinds.priority is
  '0 urgent, 1 high, 2 normal, 3 idle; a job may say otherwise.';

create table jobs.limits (
  queue       text not null references jobs.queues,
  key         text not null,
  max_running integer,
  rate        double precision,
  burst       integer not null default 1,
  weight      double precision not null default 1,
  primary key (queue, key),
  constraint limits_are_of_a_key check (key <> ''),
  constraint limits_let_something_through check (
    max_running >= 0 and rate > 0 and burst > 0 and weight > 0
  )
);
comment on table jobs.limits is
  'What the jobs of one key may do, over all workers. May be changed at any time.';
comment on column jobs.limits.key is '* stands for every key that has no row of its own.';
comment on column jobs.limits.max_running is 'Jobs of the key at once; null is no bound.';
comment on column jobs.limits.rate is 'Jobs of the key a second; null is no bound.';
comment on column jobs.limits.burst is
  'Jobs that may start at once after a time in which none did.';
comment on column jobs.limits.weight is
  'Share against other keys of the queue when there is not enough for all.';

create table jobs.buckets (
  queue    text collate "C" not null,
  key      text collate "C" not null,
  claim_no bigint not null,
  owed     double precision not null,
  at       timestamptz not null,
  primary key (queue, key, claim_no)
);
comment on table jobs.buckets is
  'How far the rate of each key is used up; with an empty key, that of a whole queue. Each claim '
  'writes a row of its own and deletes the one before: the newest is found first, however many '
  'dead ones no vacuum may remove.';
comment on column jobs.buckets.claim_no is 'The claim that wrote it; the highest of a key counts.';
comment on column jobs.buckets.owed is
  'Jobs let through by then that the rate had not yet earned; since then it earns rate jobs a '
  'second, whatever the rate is now.';
comment on column jobs.buckets.at is 'When that was so.';

create table jobs.rests (
  queue text not null,
  key   text not null,
  until timestamptz not null,
  primary key (queue, key)
);
comment on table jobs.rests is
  'Keys, and with an empty key whole queues, that a service asked to leave alone until then '
  '(Retry-After).';

create table jobs.pauses (
  queue     text not null references jobs.queues,
  key       text not null default '',
  until     timestamptz,
  reason    text,
  paused_at timestamptz not null default jobs.clock(),
  primary key (queue, key)
);
comment on table jobs.pauses is 'What nobody takes for now, because a person said so.';
comment on column jobs.pauses.key is 'Empty pauses the whole queue.';
comment on column jobs.pauses.until is 'Null until somebody resumes it.';

-- The jobs. The table that a job's narrow row is in, is its state

create sequence jobs.numbers maxvalue 999999999 cycle;
comment on sequence jobs.numbers is 'The last nine digits of job ids and of places in line.';

create table jobs.jobs (
  job_id     bigint not null primary key,
  run_id     bigint,
  created_at timestamptz not null default jobs.clock(),
  tenant     uuid,
  priority   smallint not null,
  kind       text not null,
  queue      text not null,
  key        text not null,
  unique_key text,
  timeout    interval,
  payload    jsonb not null,
  constraint jobs_take_some_time check (timeout > interval '0'),
  -- A deadline that no timestamp holds would fail every claim of the queue.
  constraint jobs_take_a_year_at_most check (timeout <= interval '365 days'),
  constraint jobs_have_one_of_four_priorities check (priority between 0 and 3)
) partition by range (job_id);
create table jobs.jobs_default partition of jobs.jobs default;
-- Serves jobs.runs: the jobs of a run.
create index jobs_run_idx on jobs.jobs (run_id) where run_id is not null;
comment on table jobs.jobs is
  'What each job is. Written once; only a replacing enqueue changes a job that still waits.';
comment on table jobs.jobs_default is 'Days that have no partition of their own.';
comment on column jobs.jobs.job_id is
  'Date and number: 261120000000042 is number 42, made on 2026-11-20 (UTC).';
comment on column jobs.jobs.run_id is
  'The run it belongs to; null if it was enqueued outside of one.';
comment on column jobs.jobs.priority is '0 urgent, 1 high, 2 normal, 3 idle.';
comment on column jobs.jobs.tenant is 'The user it works for; null is the house itself.';
comment on column jobs.jobs.timeout is
  'How long one call may take, a year at most; null is as its kind says.';
comment on column jobs.jobs.key is 'What limits and fairness are counted by; empty has none.';

create table jobs.ready (
  seq       bigint not null,
  job_id    bigint not null,
  run_id    bigint,
  ready_at  timestamptz not null,
  run_no    integer not null,
  failures  smallint not null,
  priority  smallint not null,
  is_unique boolean not null,
  queue     text collate "C" not null,
  kind      text not null,
  key       text collate "C" not null,
  -- Serves jobs.claim: the keys of a band in turn, and each key in the order of its line.
  primary key (queue, priority, key, seq)
) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0
);
-- Serves jobs.claim: where ready jobs are, from a floor on. Every job fulfils the condition, and
-- only a query that says so gets this index: nobody else is to take it for the other by mistake.
create index ready_floor_idx on jobs.ready (queue, priority, (seq >> 10), key) where seq > 0;
-- Serves jobs.cancel. A fresh job's place in line is its own id; only the others need this.
create index ready_moved_idx on jobs.ready (job_id) where seq <> job_id;
-- Serves jobs._end_runs.
create index ready_run_idx on jobs.ready (run_id) where run_id is not null;
comment on table jobs.ready is 'Jobs that may be claimed.';
comment on column jobs.ready.seq is
  'Place in line within queue, priority and key. Who comes back joins at the end.';
comment on column jobs.ready.run_no is 'Number of the last run; 0 before the first.';
comment on column jobs.ready.failures is 'Runs that failed or crashed so far.';
comment on column jobs.ready.is_unique is 'It holds a row of jobs.unique_keys.';

create table jobs.scheduled (
  job_id    bigint primary key,
  run_id    bigint,
  run_at    timestamptz not null,
  run_no    integer not null,
  failures  smallint not null,
  priority  smallint not null,
  is_unique boolean not null,
  queue     text not null,
  kind      text not null,
  key       text not null,
  why       text
) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0
);
-- Serves jobs._promote.
create index scheduled_run_at_idx on jobs.scheduled (run_at);
-- Serves jobs._end_runs.
create index scheduled_run_idx on jobs.scheduled (run_id) where run_id is not null;
comment on table jobs.scheduled is
  'Jobs whose time has not come: delayed, snoozed, or waiting for the next attempt.';
comment on column jobs.scheduled.why is 'Why it waits; null if it was enqueued for later.';

create table jobs.parked (
  job_id    bigint primary key,
  run_id    bigint,
  parked_at timestamptz not null,
  run_at    timestamptz,
  run_no    integer not null,
  failures  smallint not null,
  priority  smallint not null,
  is_unique boolean not null,
  queue     text not null,
  kind      text not null,
  key       text not null,
  why       text not null
);
-- Serves jobs._end_runs.
create index parked_run_idx on jobs.parked (run_id) where run_id is not null;
comment on table jobs.parked is
  'Jobs that wait for something other than time. No claim looks here.';
comment on column jobs.parked.run_at is 'Not before, once the wait is over; null at once.';

create table jobs.waits (
  job_id    bigint not null,
  parent_id bigint not null,
  policy    text not null,
  state     text,
  primary key (job_id, parent_id),
  constraint waits_policy_is_known check (policy in ('on_success', 'on_any', 'on_failure')),
  -- Ids grow, and nobody begins to wait after it was enqueued: there can be no circle.
  constraint waits_are_for_earlier_jobs check (parent_id < job_id)
);
-- Serves the end of a job: who waits for it.
create index waits_open_idx on jobs.waits (parent_id) where state is null;
-- Serves jobs._decide: whether it waits for any.
create index waits_missing_idx on jobs.waits (job_id) where state is null;
-- Serves jobs._decide: whether one is not done that had to be.
create index waits_failed_idx on jobs.waits (job_id)
where policy = 'on_success' and state <> 'done';
comment on table jobs.waits is 'Which jobs a job waits for, or waited for.';
comment on column jobs.waits.policy is
  'on_success: it is cancelled unless that one is done; on_any: that one has ended; on_failure: it '
  'is skipped unless one of those is not done.';
comment on column jobs.waits.state is
  'How that one ended, as jobs.history calls it; unknown where it was not waited for to its end; '
  'null until it has.';

create unlogged table jobs.progress (
  job_id  bigint primary key,
  run_no  integer not null,
  percent double precision,
  note    text,
  constraint progress_is_a_share check (percent between 0 and 100)
) with (fillfactor = 50);
comment on table jobs.progress is
  'How far running jobs are, as their workers last said with their heartbeat. Not in the '
  'write-ahead log: after a crash of the server they say it again.';

create table jobs.steps (
  job_id   bigint not null,
  step     text not null,
  begun_at timestamptz not null,
  done_at  timestamptz,
  value    jsonb,
  primary key (job_id, step)
);
comment on table jobs.steps is
  'How far a job is that goes in steps: what is done is not done again, whoever runs it next.';
comment on column jobs.steps.done_at is
  'Null where it was begun and nobody has said how that ended: it may have happened.';
comment on column jobs.steps.value is 'What came of it; for a sleep, until when.';

create table jobs.events (
  event      text primary key,
  value      jsonb,
  emitted_at timestamptz not null
);
-- Serves jobs._sweep.
create index events_emitted_idx on jobs.events (emitted_at);
comment on table jobs.events is
  'What happened, for jobs that wait for it, now or later. Kept for thirty days.';

create table jobs.awaits (
  job_id bigint primary key,
  event  text not null,
  until  timestamptz
);
-- Serves jobs.emit_event.
create index awaits_event_idx on jobs.awaits (event);
-- Serves jobs.tick: waits that are over.
create index awaits_until_idx on jobs.awaits (until) where until is not null;
comment on table jobs.awaits is 'The event that a parked job waits for.';
comment on column jobs.awaits.until is 'When it goes on without; null waits for ever.';

create sequence jobs.last_parked minvalue 0 start 0;
comment on sequence jobs.last_parked is
  'The last parked job that jobs.tick looked at; the next tick goes on behind it.';

create sequence jobs.claims;
comment on sequence jobs.claims is 'Numbers the claims.';

create table jobs.running (
  job_id        bigint primary key,
  run_id        bigint,
  started_at    timestamptz not null,
  deadline      timestamptz not null,
  claim_no      bigint not null,
  worker_id     integer not null,
  run_no        integer not null,
  failures      smallint not null,
  priority      smallint not null,
  is_unique     boolean not null,
  settles       boolean not null,
  counted       boolean not null,
  queue         text not null,
  kind          text not null,
  key           text not null,
  cancel_reason text
) with (
  fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0
);
-- Serves jobs.claim: how many of a limited key or queue are running.
create index running_claim_idx on jobs.running (queue, claim_no) where counted;
-- Serves jobs.heartbeat: what a worker has to stop.
create index running_cancelled_idx on jobs.running (worker_id) where cancel_reason is not null;
-- Serves jobs._end_runs.
create index running_run_idx on jobs.running (run_id) where run_id is not null;
comment on table jobs.running is 'Jobs that a worker holds.';
comment on column jobs.running.counted is
  'It has a key, or its queue a bound: it is in the index that limits are counted by.';
comment on column jobs.running.claim_no is 'The claim that it came with; numbers grow.';
comment on column jobs.running.run_no is
  'The fence: one more with every claim, never used twice. Who reports another number is too late.';
comment on column jobs.running.settles is
  'Its kind has a settle function, so jobs.complete_many leaves it alone.';
comment on column jobs.running.deadline is 'When its time is up, even if its worker lives.';
comment on column jobs.running.cancel_reason is 'Null unless somebody asked for it to stop.';

create table jobs.history (
  job_id      bigint not null,
  started_at  timestamptz,
  finished_at timestamptz not null,
  run_no      integer not null,
  worker_id   integer,
  failures    smallint not null,
  state       text not null,
  code        text,
  reason      text,
  result      jsonb,
  -- Also the last guard of the fence: no run ends twice.
  primary key (job_id, run_no),
  constraint history_state_is_known check (
    state in ('done', 'failed', 'skipped', 'cancelled', 'unknown', 'retry', 'lost')
  )
) partition by range (job_id);
create table jobs.history_default partition of jobs.history default;
comment on table jobs.history is
  'One row for each run that ended its job, failed, or was lost with its worker.';
comment on table jobs.history_default is 'Days that have no partition of their own.';
comment on column jobs.history.state is
  'done, failed, skipped, cancelled and unknown end the job; retry and lost only the run.';
comment on column jobs.history.started_at is 'Null if it ended without having been claimed.';
comment on column jobs.history.failures is 'Failures of the job so far, this run included.';
comment on column jobs.history.result is
  'The answer; null above 8 kB, and where the settle function keeps what it needs.';

create table jobs.dead_letters (
  job_id  bigint primary key,
  died_at timestamptz not null,
  run_no  integer not null,
  state   text not null,
  queue   text not null,
  key     text not null,
  code    text,
  reason  text not null,
  constraint dead_letters_state_is_known check (state in ('failed', 'unknown'))
);
comment on table jobs.dead_letters is
  'Jobs that ended badly and that nobody has retried or discarded yet.';

create table jobs.unique_keys (
  kind          text not null,
  unique_key    text not null,
  job_id        bigint not null,
  until         timestamptz,
  until_claimed boolean not null default false,
  primary key (kind, unique_key)
) with (fillfactor = 80);
-- Serves the end of a job.
create index unique_keys_job_idx on jobs.unique_keys (job_id);
-- Serves jobs.tick: windows that are over.
create index unique_keys_until_idx on jobs.unique_keys (until) where until is not null;
comment on table jobs.unique_keys is 'Which job holds a unique key.';
comment on column jobs.unique_keys.until is
  'The key stays taken until then, even if the job ends before; null until the job ends.';
comment on column jobs.unique_keys.until_claimed is
  'The job lets go of the key when it is claimed. Claims know nothing of it: whoever wants the '
  'key looks.';

create table jobs.unfreed_keys (
  job_id bigint primary key
);
comment on table jobs.unfreed_keys is
  'Jobs that ended while somebody had their unique key locked. The key is free: whoever wants it '
  'takes it, and jobs.tick clears up.';

create unlogged table jobs.staging (
  load_id    text not null,
  line       bigint generated always as identity,
  payload    jsonb not null default '{}',
  key        text,
  tenant     uuid,
  unique_key text,
  primary key (load_id, line)
);
comment on table jobs.staging is
  'Where many jobs are copied to before jobs.enqueue_staged puts them in line. Not in the '
  'write-ahead log: after a crash of the server it is empty.';
comment on column jobs.staging.load_id is
  'Any text that the loader makes up, so that two do not mix.';

create table jobs.effects (
  job_id   bigint not null,
  sent_at  timestamptz not null,
  ended_at timestamptz,
  run_no   integer not null,
  mode     text,
  outcome  text,
  primary key (job_id, run_no),
  constraint effects_outcome_is_known check (
    outcome in ('done', 'try_later', 'give_up', 'unknown')
  )
) partition by range (job_id);
create table jobs.effects_default partition of jobs.effects default with (fillfactor = 70);
comment on table jobs.effects is
  'Each request that was handed to a worker, written down before it went out.';
comment on table jobs.effects_default is 'Days that have no partition of their own.';
comment on column jobs.effects.mode is 'What the kind said about repeats at that time.';
comment on column jobs.effects.outcome is
  'What the worker reported. Null is on its way or lost: like unknown, it may have been sent.';

-- Who works

create table jobs.workers (
  worker_id   integer generated always as identity primary key,
  name        text not null,
  queues      text[] not null,
  kinds       text[],
  hears       boolean,
  lease       interval not null,
  started_at  timestamptz not null default jobs.clock(),
  lease_until timestamptz not null,
  stopped_at  timestamptz
) with (fillfactor = 20);
comment on table jobs.workers is
  'Workers and their leases. What a worker holds when its lease ends, others take over.';
comment on column jobs.workers.kinds is
  'Kinds that it has a handler for; null where it did not say, which counts as all.';
comment on column jobs.workers.hears is
  'Notifications arrive; where they do not, it polls more often. Null where it did not say.';
comment on column jobs.workers.stopped_at is
  'When it said goodbye, or was found dead; null while it works.';

-- What runs by itself

create table jobs.schedules (
  schedule    text primary key,
  cron        text not null,
  time_zone   text not null default 'UTC',
  function    text not null,
  catch_up    text not null default 'last',
  catch_max   integer not null default 10,
  enabled     boolean not null default true,
  next_at     timestamptz,
  description text not null,
  constraint schedules_name_a_function_with_its_schema check (
    function ~ '^[a-z_][a-z0-9_]*[.][a-z_][a-z0-9_]*$'
  ),
  constraint schedules_catch_up_is_known check (catch_up in ('none', 'last', 'all')),
  constraint schedules_catch_up_with_something check (catch_max > 0)
);
comment on table jobs.schedules is 'What runs by itself, and when.';
comment on column jobs.schedules.cron is
  'Minute, hour, day of the month, month, day of the week, by the clock of time_zone.';
comment on column jobs.schedules.function is
  'f(p_run_id bigint) returns table (items integer, skipped integer, why text).';
comment on column jobs.schedules.catch_up is
  'Of the fires that nobody was there for, run none, the last one, or all (the last catch_max).';
comment on column jobs.schedules.next_at is
  'The next fire, kept by jobs.tick; null while disabled or not yet looked at.';

create table jobs.fires (
  schedule text not null,
  fire_at  timestamptz not null,
  fired_at timestamptz not null default jobs.clock(),
  run_id   bigint,
  -- Two clocks that tick at once fire once.
  constraint fires_happen_once primary key (schedule, fire_at)
);
comment on table jobs.fires is 'Each time that a schedule was due.';
comment on column jobs.fires.run_id is
  'The run it began; null if it came too late and is not caught up with.';

create table jobs.run_log (
  run_id      bigint generated always as identity primary key,
  name        text not null,
  started_at  timestamptz not null default jobs.clock(),
  returned_at timestamptz,
  finished_at timestamptz,
  items       integer not null default 0,
  skipped     integer not null default 0,
  failed      integer not null default 0,
  status      text not null default 'running',
  why         text,
  error       text,
  is_batch    boolean not null default false,
  final_kind    text,
  final_payload jsonb,
  final_policy  text,
  constraint run_log_final_policy_is_known check (
    final_policy in ('on_success', 'on_any', 'on_failure')
  ),
  constraint run_log_status_is_known check (
    status in ('running', 'succeeded', 'partly', 'failed', 'skipped')
  ),
  constraint run_log_ends_with_its_status check ((finished_at is null) = (status = 'running'))
);
-- Serves jobs.schedule_status: the last run of a schedule.
create index run_log_name_idx on jobs.run_log (name, started_at desc);
-- Serves jobs._end_runs.
create index run_log_open_idx on jobs.run_log (run_id) where finished_at is null;
comment on table jobs.run_log is
  'Every run of a schedule, and every batch. The views jobs.runs and jobs.batches show it.';
comment on column jobs.run_log.is_batch is 'A caller opened it with jobs.open_batch.';
comment on column jobs.run_log.final_kind is
  'The kind of the job that is enqueued when it ends; null if none is.';
comment on column jobs.run_log.final_policy is
  'on_any: however its jobs ended; on_success: if none is dead; on_failure: if one is.';
comment on column jobs.run_log.returned_at is
  'When the schedule''s function had decided; its jobs may still go on.';
comment on column jobs.run_log.items is 'Units it decided on, e.g. products planned.';
comment on column jobs.run_log.failed is 'Jobs of the run that were dead when it ended.';

-- Where scans begin (jobs._floor, jobs._claim_floor), and how far that is certain. Sequences: to
-- read them costs the same however long the horizon is held. Those of each queue, jobs.floor_QUEUE
-- and jobs.claim_floor_QUEUE, come with jobs.tick.
create sequence jobs.due_floor minvalue 0 start 0;
comment on sequence jobs.due_floor is
  'No scheduled job is due at this time or before, in milliseconds since 1970.';
create sequence jobs.mark_place minvalue 0 start 0;
comment on sequence jobs.mark_place is 'The last place in line drawn when the mark was set.';
create sequence jobs.mark_claim minvalue 0 start 0;
comment on sequence jobs.mark_claim is 'The number of the last claim then.';
create sequence jobs.mark_due_at minvalue 0 start 0;
comment on sequence jobs.mark_due_at is
  'The time for which it was set, in milliseconds since 1970.';
create sequence jobs.mark_xact minvalue 0 start 0;
comment on sequence jobs.mark_xact is
  'Once every transaction below it has ended, all is committed that lies below the mark.';

-- Set every second or so: as rows they would leave a dead version each time.
create sequence jobs.last_tick minvalue 0 start 0;
comment on sequence jobs.last_tick is 'When jobs.tick last ran, in milliseconds since 1970.';
create sequence jobs.last_wake minvalue 0 start 0;
comment on sequence jobs.last_wake is
  'When workers were last notified of ready jobs, in milliseconds since 1970.';

insert into jobs.queues (queue, concurrency, description)
values ('default', 10, 'Whatever has no queue of its own.'),
       ('schedules', 4, 'Runs of schedules.');

insert into jobs.kinds
  (kind, queue, prepare, settle, max_attempts, timeout, priority, in_sql, description)
values ('jobs.run_schedule', 'schedules', 'jobs._prepare_schedule', 'jobs._settle_schedule', 3,
  '10 min', 1, true,
        'Runs the function of a schedule.');
