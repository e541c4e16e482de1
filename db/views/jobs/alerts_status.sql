create or replace view jobs.alerts_status as
select a.alert_id, a.rule, a.about, a.severity,
       case
         when a.resolved_at is not null then 'resolved'
         when s.until is not null then 'silenced'
         else 'open'
       end as state,
       a.said, a.times, a.first_seen, a.last_seen, a.resolved_at, s.until as silenced_until,
       s.reason as silenced_why, n.told,
       array_position(array['info', 'warning', 'critical'], a.severity) as grade
from jobs.alerts as a
left join lateral (
  select s.until, s.reason
  from jobs.alert_silences as s
  where s.rule = a.rule and s.about in (a.about, '') and s.until > jobs.clock()
  order by s.until desc
  limit 1
) as s on a.resolved_at is null
cross join lateral (
  select array(
    select n.channel from jobs.alert_notices as n
    where n.alert_id = a.alert_id and n.news = 'opened' and n.outcome = 'done'
    order by n.channel
  )
) as n (told);

comment on view jobs.alerts_status is 'What is wrong, and what was until lately.';
comment on column jobs.alerts_status.about is
  'What the rule found it of: a kind, a queue, a schedule, …';
comment on column jobs.alerts_status.state is
  'open; silenced, where it goes on but is not told; resolved, where it is over.';
comment on column jobs.alerts_status.times is 'How often, or how many, when it was last seen.';
comment on column jobs.alerts_status.silenced_until is 'Null while it is not silenced.';
comment on column jobs.alerts_status.told is 'Channels that it was told to.';
comment on column jobs.alerts_status.grade is '1 info, 2 warning, 3 critical.';
comment on column jobs.alerts_status.said is 'What is wrong, in one sentence.';
comment on column jobs.alerts_status.resolved_at is 'Null while it goes on.';
grant select on jobs.alerts_status to autom_worker, autom_operator, autom_reader;
