create or replace function jobs._sweep()
returns integer
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  with windows as (
    delete from jobs.unique_keys as u
    where u.ctid = any (array(
      select k.ctid from jobs.unique_keys as k where k.until <= jobs.clock()
        -- While its job is unfinished a key stays taken, however short its window was.
        and jobs._ended(k.job_id)
      limit 1000 for update skip locked
    ))
    returning 1
  ),
  unfreed as (
    delete from jobs.unique_keys as u
    where u.ctid = any (array(
      select k.ctid
      from jobs.unfreed_keys as f
      join jobs.unique_keys as k on k.job_id = f.job_id
      where k.until is null and jobs._ended(k.job_id)
      limit 1000 for update of k skip locked
    ))
    returning 1
  ),
  freed as (
    delete from jobs.unfreed_keys as f
    where not exists (select from jobs.unique_keys as u where u.job_id = f.job_id)
    returning 1
  ),
  events as (
    delete from jobs.events as e
    where e.emitted_at < jobs.clock() - interval '30 days'
      and not exists (select from jobs.awaits as a where a.event = e.event)
    returning 1
  ),
  progress as (
    delete from jobs.progress as g
    where not exists (
      select from jobs.running as r where r.job_id = g.job_id and r.run_no = g.run_no
    )
    returning 1
  ),
  pauses as (
    delete from jobs.pauses as p where p.until <= jobs.clock() returning 1
  ),
  workers as (
    delete from jobs.workers as w where w.stopped_at < jobs.clock() - interval '1 day' returning 1
  )
  select ((select count(*) from windows) + (select count(*) from unfreed)
          + (select count(*) from events) + (select count(*) from pauses)
          + (select count(*) from workers))::integer;
$$;

comment on function jobs._sweep is
  'Remove what is over: windows of unique keys, keys that a job could not let go of when it ended,
events, pauses, workers gone for a day. Returns how many.';
