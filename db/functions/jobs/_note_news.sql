create or replace function jobs._note_news()
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  with news as (
    select a.alert_id, c.channel, n.news
    from jobs.alerts as a
    join jobs.alert_rules as r on r.rule = a.rule
    join jobs.alert_channels as c
      on c.enabled
     and (r.channels is null or c.channel = any (r.channels))
     and array_position(array['info', 'warning', 'critical'], a.severity)
         >= array_position(array['info', 'warning', 'critical'], c.min_severity)
     and not (r.of_channels and a.about = c.channel)
    cross join lateral (
      select 'opened' as news where a.resolved_at is null
      union all
      -- That it is over, only to those who heard of it.
      select 'resolved'
      from jobs.alert_notices as o
      where a.resolved_at is not null and o.alert_id = a.alert_id and o.channel = c.channel
        and o.news = 'opened' and (o.outcome is null or o.outcome in ('done', 'unknown'))
    ) as n
    where (a.resolved_at is null or a.resolved_at > jobs.clock() - interval '1 day')
      and not jobs._silenced(a.rule, a.about)
  ),
  noted as (
    insert into jobs.alert_notices (alert_id, channel, news, noticed_at)
    select n.alert_id, n.channel, n.news, jobs.clock()
    from news as n
    on conflict on constraint alert_notices_happen_once do nothing
    returning channel
  ),
  -- A job for the channel, not for the alert: it tells all that is new when its turn comes. Where
  -- one waits already, that one will do.
  untold as (
    select n.channel from noted as n
    union
    select n.channel from jobs.alert_notices as n where n.ended_at is null and n.job_id is null
  )
  select from (
    select jobs.enqueue(
      c.kind, jsonb_build_object('channel', c.channel), p_key => c.channel,
      p_unique_key => c.channel
    )
    from jobs.alert_channels as c
    where c.enabled and c.channel in (select u.channel from untold as u)
    order by c.channel
  ) as e;
$$;

comment on function jobs._note_news is
  'Note which channel has to be told of which alert, and enqueue a delivery where something is '
  'untold.';
