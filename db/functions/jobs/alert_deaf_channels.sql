create or replace function jobs.alert_deaf_channels(p_bound double precision, p_span interval)
returns table (about text, said text, times bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select c.channel,
         format('The last delivery to %s %s: %s', c.channel,
                case n.outcome when 'failed' then 'failed' else 'may have failed' end,
                coalesce(left(n.reason, 300), 'nobody knows why')),
         (select count(*) from jobs.alert_notices as m
          where m.channel = c.channel and m.outcome in ('failed', 'unknown')
            and m.ended_at > jobs.clock() - p_span)
  from jobs.alert_channels as c
  cross join lateral (
    select n.outcome, n.reason, n.ended_at
    from jobs.alert_notices as n
    where n.channel = c.channel and n.outcome in ('done', 'failed', 'unknown')
    order by n.ended_at desc
    limit 1
  ) as n
  where c.enabled and n.outcome in ('failed', 'unknown') and n.ended_at > jobs.clock() - p_span;
$$;

comment on function jobs.alert_deaf_channels is
  'Rule: what was told last to a channel, within p_span, did not arrive, or nobody knows. It is '
  'not told there.';
