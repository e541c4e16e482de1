create or replace function jobs._retain()
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_days    interval := (select t.keep from jobs.retention as t where t.what = 'days');
  v_runs    interval := (select t.keep from jobs.retention as t where t.what = 'runs');
  v_alerts  interval := (select t.keep from jobs.retention as t where t.what = 'alerts');
  -- An hour more, in which most of what began late in a day has ended.
  v_before  bigint := jobs._first_id_of(jobs.clock() - v_days - interval '1 hour');
  v_day     record;
  v_dropped boolean;
  v_did     integer;
begin
  delete from jobs.run_log as l
  where l.run_id in (
    select o.run_id from jobs.run_log as o
    where o.finished_at < jobs.clock() - v_runs
    order by o.run_id
    limit 1000
  );
  delete from jobs.fires as f where f.fire_at < jobs.clock() - v_runs;
  delete from jobs.alert_silences as s where s.until < jobs.clock();
  delete from jobs.alerts as a where a.resolved_at < jobs.clock() - v_alerts;
  delete from jobs.rests as r where r.until < jobs.clock();
  -- Earned back, or of a rate that is no more: as good as nothing written.
  delete from jobs.buckets as b
  where not exists (
    select
    from (
      (
        select l.rate from jobs.limits as l
        where l.queue = b.queue and l.key in (b.key, '*') and b.key <> ''
        order by l.key = b.key desc
        limit 1
      )
      union all
      select q.rate from jobs.queues as q where q.queue = b.queue and b.key = ''
    ) as r
    where b.owed > r.rate * extract(epoch from jobs.clock() - b.at)
  );
  -- What is not summed up would be gone for good.
  if jobs._summed_until() < jobs.clock() - v_days then
    return 0;
  end if;
  v_did := jobs._forget(v_before, 20000);

  -- One a time: its locks are held until the end of the tick. The rows that lean on jobs go first.
  for v_day in
    select d.* from jobs.days as d where d.next_id <= v_before order by d.day, d.what
  loop
    v_dropped := jobs._drop_day(
      v_day.what, v_day.partition, jobs._kept(v_day.first_id, v_day.next_id)
    );
    exit when v_dropped is not null;
  end loop;
  if v_dropped and v_day.what = 'jobs' then
    delete from jobs.waits as w
    where w.job_id >= v_day.first_id and w.job_id < v_day.next_id
      and not exists (select from jobs.jobs as j where j.job_id = w.job_id);
    delete from jobs.steps as s
    where s.job_id >= v_day.first_id and s.job_id < v_day.next_id
      and not exists (select from jobs.jobs as j where j.job_id = s.job_id);
  end if;
  return v_did + coalesce(v_dropped, false)::integer;
end;
$$;

comment on function jobs._retain is
  'Remove what jobs.retention no longer keeps: one day of one table at most, and rows in batches; '
  'returns how many.';
