create or replace function jobs.alert_success_share(p_bound double precision, p_span interval)
returns table (about text, said text, times bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select h.kind,
         format('Of %s jobs of kind %s that ended since %s UTC, %s %% were done.',
                sum(h.done + h.failed + h.unknown), h.kind,
                to_char(min(h.hour) at time zone 'UTC', 'HH24:MI'),
                round(100.0 * sum(h.done) / sum(h.done + h.failed + h.unknown), 1)),
         sum(h.failed + h.unknown)::bigint
  from jobs.history_hours as h
  where h.hour > jobs.clock() - p_span - interval '2 hours'
    and h.hour > (
      select max(r.hour) from jobs.rolled_hours as r where r.rolled_at is not null
    ) - p_span
    and h.queue <> 'alerts'
  group by h.kind
  having sum(h.done + h.failed + h.unknown) >= 20
     and sum(h.done) < p_bound * sum(h.done + h.failed + h.unknown);
$$;

comment on function jobs.alert_success_share is
  'Rule: of the jobs of a kind that ended within the last p_span of whole hours that are summed up
(20 at least; skipped and cancelled ones do not count), a smaller share than p_bound was done.';
