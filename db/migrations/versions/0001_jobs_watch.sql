-- What watches over the queue: chores, alerts, how long things are kept, and the sums of what was.

create table jobs.chores (
  chore   text primary key,
  every   interval,
  last_at timestamptz,
  took    interval,
  did     integer,
  error   text,
  constraint chores_come_back_after_a_while check (every > interval '0')
) with (fillfactor = 20);
comment on table jobs.chores is 'What jobs.tick does now and then, and how it went last.';
comment on column jobs.chores.every is
  'The shortest time from one turn to the next; null is each tick, and its row is there while it '
  'fails.';
comment on column jobs.chores.last_at is 'When it last began; null before the first time.';
comment on column jobs.chores.took is 'How long that took.';
comment on column jobs.chores.did is 'How many things it did then.';
comment on column jobs.chores.error is 'Why it failed then; null if it did not.';

insert into jobs.chores (chore, every)
values ('overdue', '10 s'), ('floor_check', '1 min'), ('partitions', '1 min'), ('alerts', '10 s'),
       ('rollups', '1 min'), ('retention', '1 min');

-- Sums, and what they allow to be dropped

create table jobs.retention (
  what        text primary key,
  keep        interval not null,
  description text not null,
  constraint retention_is_of_something_known check (what in ('days', 'runs', 'alerts')),
  constraint retention_keeps_a_day_at_least check (keep >= interval '1 day')
);
comment on table jobs.retention is 'How long things are kept. May be changed at any time.';
comment on column jobs.retention.keep is 'Counted from the end of what is kept.';

insert into jobs.retention (what, keep, description)
values ('days', '30 days', 'Ended jobs, the history of their runs, and what they sent.'),
       ('runs', '400 days', 'Runs of schedules (jobs.runs) and their fires.'),
       ('alerts', '90 days', 'Alerts that are over, and how they were told.');

create table jobs.rolled_hours (
  hour      timestamptz primary key,
  seen      xid8 not null,
  job_id    bigint,
  rolled_at timestamptz,
  constraint rolled_hours_are_whole check (extract(epoch from hour) % 3600 = 0)
);
comment on table jobs.rolled_hours is 'How far the sums of the history are.';
comment on column jobs.rolled_hours.seen is
  'Once every transaction below it has ended, none can add to the hour any more.';
comment on column jobs.rolled_hours.job_id is 'The job that sums the hour up; null until then.';
comment on column jobs.rolled_hours.rolled_at is 'When the sums were written; null until then.';

create table jobs.history_hours (
  hour       timestamptz not null,
  queue      text not null,
  kind       text not null,
  done       bigint not null,
  failed     bigint not null,
  unknown    bigint not null,
  skipped    bigint not null,
  cancelled  bigint not null,
  retried    bigint not null,
  lost       bigint not null,
  run_p50    interval,
  run_p95    interval,
  wait_p50   interval,
  wait_p95   interval,
  primary key (hour, queue, kind)
);
comment on table jobs.history_hours is
  'The history summed up by the hour, written once and kept for good.';

-- Serves the sums of an hour: rows come in the order of their time, so a few bytes a page do.
create index history_finished_at_idx on jobs.history using brin (finished_at)
  with (pages_per_range = 16, autosummarize = on);
-- Serves jobs.alert_repeated_errors.
create index history_failures_idx on jobs.history (finished_at)
  where state in ('failed', 'unknown', 'retry', 'lost');
-- Serves jobs.alert_dead_jobs.
create index dead_letters_died_at_idx on jobs.dead_letters (died_at);

-- Alerts

create table jobs.alert_rules (
  rule        text primary key,
  function    text not null,
  bound       double precision not null default 0,
  span        interval not null default '1 hour',
  severity    text not null default 'warning',
  clear_after interval not null default '5 min',
  channels    text[],
  of_channels boolean not null default false,
  enabled     boolean not null default true,
  error       text,
  description text not null,
  constraint alert_rules_are_named_simply check (rule ~ '^[a-z][a-z0-9_]*$'),
  constraint alert_rules_name_a_function_with_its_schema check (
    function ~ '^[a-z_][a-z0-9_]*[.][a-z_][a-z0-9_]*$'
  ),
  constraint alert_rules_severity_is_known check (severity in ('info', 'warning', 'critical')),
  -- NaN is above all numbers.
  constraint alert_rules_bound_is_a_number_from_0_on check (bound >= 0 and bound < 'infinity'),
  constraint alert_rules_span_is_not_below_0 check (span >= interval '0'),
  constraint alert_rules_wait_before_they_clear check (clear_after >= interval '0')
);
comment on table jobs.alert_rules is
  'What is worth an alert. Any room may add a row: the kernel calls the function and knows no '
  'more.';
comment on column jobs.alert_rules.function is
  'f(p_bound double precision, p_span interval) returns table (about text, said text, times '
  'bigint): what is wrong at this moment. about names the thing, and never changes while it is '
  'the same thing; said is one sentence for people, without secrets; times is how often, or how '
  'many.';
comment on column jobs.alert_rules.bound is
  'What the function measures against; see the description.';
comment on column jobs.alert_rules.span is 'The time that the function looks back over, or allows.';
comment on column jobs.alert_rules.clear_after is
  'An alert is over when its rule has not found it for that long.';
comment on column jobs.alert_rules.channels is 'Where it is told; null is every channel.';
comment on column jobs.alert_rules.of_channels is
  'about is a channel, and so the one that is not told: who cannot hear need not be told so.';
comment on column jobs.alert_rules.error is
  'Why its function failed the last time; null if it did not.';

create table jobs.alert_channels (
  channel      text primary key,
  kind         text not null references jobs.kinds,
  url_from     text not null,
  mail_from    text,
  mail_to      text[],
  min_severity text not null default 'info',
  enabled      boolean not null default true,
  description  text not null default '',
  constraint alert_channels_are_named_simply check (channel ~ '^[a-z][a-z0-9_-]*$'),
  constraint alert_channels_send_by_a_kind_of_ours check (
    kind in ('jobs.send_slack', 'jobs.send_mail')
  ),
  -- Else whoever may write a row could have any secret of the worker sent anywhere.
  constraint alert_channels_url_is_in_a_setting_of_theirs check (
    url_from ~ '^AUTOM_ALERT_[A-Z0-9_]+$'
  ),
  constraint alert_channels_mail_has_addresses check (
    kind <> 'jobs.send_mail' or (mail_from is not null and cardinality(mail_to) > 0)
  ),
  constraint alert_channels_severity_is_known check (
    min_severity in ('info', 'warning', 'critical')
  )
);
-- Serves the foreign key.
create index alert_channels_kind_idx on jobs.alert_channels (kind);
comment on table jobs.alert_channels is 'Where alerts are told.';
comment on column jobs.alert_channels.kind is 'jobs.send_slack or jobs.send_mail.';
comment on column jobs.alert_channels.url_from is
  'The environment variable of the workers that holds the secret: the URL of a Slack webhook, or '
  'smtps://user:password@host:465, or smtp://… for STARTTLS. It is never in the database.';
comment on column jobs.alert_channels.min_severity is 'What is below it is not told here.';

create table jobs.alerts (
  alert_id    bigint generated always as identity primary key,
  rule        text not null references jobs.alert_rules on delete cascade,
  about       text not null,
  severity    text not null,
  said        text not null,
  times       bigint not null,
  first_seen  timestamptz not null,
  last_seen   timestamptz not null,
  resolved_at timestamptz,
  constraint alerts_last_seen_is_not_before_the_first check (last_seen >= first_seen)
);
-- One alert for one thing, however often and by however many clocks it is found.
create unique index alerts_open_idx on jobs.alerts (rule, about) where resolved_at is null;
-- Serves the foreign key.
create index alerts_rule_idx on jobs.alerts (rule);
-- Serves jobs._retain.
create index alerts_resolved_idx on jobs.alerts (resolved_at) where resolved_at is not null;
comment on table jobs.alerts is 'What is or was wrong: one row from its beginning to its end.';
comment on column jobs.alerts.times is 'How often, or how many, when it was last seen.';
comment on column jobs.alerts.resolved_at is 'When it was over; null while it is not.';

create table jobs.alert_silences (
  rule        text not null references jobs.alert_rules on delete cascade,
  about       text not null default '',
  until       timestamptz not null,
  reason      text,
  silenced_at timestamptz not null default jobs.clock(),
  primary key (rule, about)
);
comment on table jobs.alert_silences is 'What is not told for now. It is still watched, and shown.';
comment on column jobs.alert_silences.about is 'Empty silences all that the rule finds.';

create table jobs.alert_notices (
  alert_id   bigint not null references jobs.alerts on delete cascade,
  channel    text not null references jobs.alert_channels on delete cascade,
  news       text not null,
  noticed_at timestamptz not null,
  job_id     bigint,
  ended_at   timestamptz,
  outcome    text,
  reason     text,
  constraint alert_notices_happen_once primary key (alert_id, channel, news),
  constraint alert_notices_news_is_known check (news in ('opened', 'resolved')),
  constraint alert_notices_end_with_an_outcome check ((ended_at is null) = (outcome is null))
);
-- Serves the foreign key, and jobs.alert_deaf_channels.
create index alert_notices_channel_idx on jobs.alert_notices (channel, ended_at);
-- Serves jobs.prepare_alert.
create index alert_notices_untold_idx on jobs.alert_notices (channel, noticed_at)
  where ended_at is null;
comment on table jobs.alert_notices is 'What each channel is told of an alert: at most once each.';
comment on column jobs.alert_notices.job_id is
  'The job that tells it; null until one has taken it.';
comment on column jobs.alert_notices.outcome is
  'How that job ended: done, failed, unknown (it may have been told), skipped, cancelled.';

insert into jobs.queues (queue, concurrency, description)
values ('alerts', 2, 'Telling people what is wrong.');

-- However much goes wrong at once: a few messages, each with all that is new since the last.
insert into jobs.limits (queue, key, max_running, rate, burst)
values ('alerts', '*', 1, 0.1, 3);

insert into jobs.kinds (
  kind, queue, prepare, settle, max_attempts, backoff_base, backoff_cap, timeout, effect, priority,
  in_sql, description
)
values ('jobs.send_slack', 'alerts', 'jobs.prepare_alert', 'jobs.settle_alert', 6, '5 s', '5 min',
        '30 s', 'at_most_once', 0, false, 'Tells a Slack channel what is new about alerts.'),
       ('jobs.send_mail', 'alerts', 'jobs.prepare_alert', 'jobs.settle_alert', 6, '5 s', '5 min',
        '60 s', 'at_most_once', 0, false, 'Mails what is new about alerts.'),
       ('jobs.roll_up', 'schedules', 'jobs._prepare_roll_up', null, 5, '1 min', '15 min',
        '10 min', null, 3, true, 'Sums up an hour of the history.');

insert into jobs.alert_rules (rule, function, bound, span, severity, of_channels, description)
values ('job_failed', 'jobs.alert_dead_jobs', 0, '1 day', 'warning', false,
        'More than bound jobs of a kind have died of the same code within span, and nobody has '
        'retried them.'),
       ('repeated_error', 'jobs.alert_repeated_errors', 10, '15 min', 'warning', false,
        'Runs of a kind have failed with the same words at least bound times within span.'),
       ('slow_job', 'jobs.alert_slow_jobs', 2, '1 min', 'warning', false,
        'A job runs longer than bound times the usual of its kind this week, and longer than '
        'span.'),
       ('slow_run', 'jobs.alert_slow_runs', 2, '5 min', 'warning', false,
        'A run of a schedule takes longer than bound times its usual, and longer than span.'),
       ('old_ready', 'jobs.alert_old_ready', 600, '0', 'critical', false,
        'The oldest ready job of a queue that is not paused has waited for more than bound '
        'seconds.'),
       ('unhandled_kind', 'jobs.alert_unhandled_kinds', 0, '1 min', 'critical', false,
        'More than bound jobs of a kind wait for longer than span, and no worker that is alive '
        'has a handler for it.'),
       ('missed_run', 'jobs.alert_missed_runs', 0, '10 min', 'critical', false,
        'A schedule was due more than span ago and its function has not run.'),
       ('few_succeed', 'jobs.alert_success_share', 0.9, '1 hour', 'warning', false,
        'Of the jobs of a kind that ended within the last full span (20 at least), fewer than '
        'this share were done.'),
       ('failed_run', 'jobs.alert_failed_runs', 0, '1 day', 'warning', false,
        'The last run of a schedule, no longer than span ago, failed or failed in part.'),
       ('horizon_held', 'jobs.alert_held_horizon', 3600, '0', 'warning', false,
        'Somebody has kept vacuum from cleaning up for more than bound seconds.'),
       ('clock_trouble', 'jobs.alert_clock_trouble', 0, '0', 'critical', false,
        'Something that jobs.tick does failed the last time.'),
       ('deaf_channel', 'jobs.alert_deaf_channels', 0, '1 day', 'critical', true,
        'The last delivery to a channel, no longer than span ago, failed. Told by the others.');

-- Figures that only grow. Sequences: no row to fight for, no dead version left behind.
create sequence jobs.stale_reports;
comment on sequence jobs.stale_reports is
  'Reports of runs that others had by then; none changed anything.';
create sequence jobs.lost_leases;
comment on sequence jobs.lost_leases is 'Workers whose lease ran out.';
create sequence jobs.reaped_jobs;
comment on sequence jobs.reaped_jobs is 'Jobs taken back from workers that were lost or late.';
create sequence jobs.retried_runs;
comment on sequence jobs.retried_runs is 'Runs that failed and will be tried again.';
create sequence jobs.dead_jobs;
comment on sequence jobs.dead_jobs is 'Jobs that ended badly.';
create sequence jobs.denied_keys;
comment on sequence jobs.denied_keys is 'Keys passed over because a limit was used up.';
create sequence jobs.floors_lowered;
comment on sequence jobs.floors_lowered is
  'Places from which claims looked that lay behind a ready job, and were put right.';
create sequence jobs.tick_took minvalue 0 start 0;
comment on sequence jobs.tick_took is 'How long the last jobs.tick took, in microseconds.';
