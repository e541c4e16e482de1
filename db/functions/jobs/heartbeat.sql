create or replace function jobs.heartbeat(
  p_worker_id integer,
  p_progress  jsonb default null,
  p_hears     boolean default null
)
returns table (job_id bigint, run_no integer, reason text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update jobs.workers as w
  set lease_until = jobs.clock() + w.lease, hears = coalesce(p_hears, w.hears)
  where w.worker_id = p_worker_id and w.stopped_at is null;
  if not found then
    perform jobs._refuse_worker(p_worker_id);
  end if;

  if p_progress is not null then
    insert into jobs.progress as g (job_id, run_no, percent, note)
    select distinct on (r.job_id) r.job_id, r.run_no,
           case jsonb_typeof(p.said -> 'percent')
             when 'number' then round(least(greatest((p.said ->> 'percent')::numeric, 0), 100), 6)
           end,
           p.said ->> 'note'
    -- A lease must not depend on what handlers say: what cannot be read is passed over.
    from jsonb_path_query(
      p_progress,
      'strict $[*] ? (@.job_id >= 0 && @.job_id < 1e15 && @.run_no >= 0 && @.run_no < 2147483647)',
      silent => true
    ) as p (said)
    -- What a run says that is not the present one, or another worker's, is not heard.
    join jobs.running as r
      on r.job_id = (p.said ->> 'job_id')::numeric::bigint
      and r.run_no = (p.said ->> 'run_no')::numeric::integer
      and r.worker_id = p_worker_id
    order by r.job_id
    on conflict on constraint progress_pkey do update
    set run_no = excluded.run_no, percent = excluded.percent, note = excluded.note;
  end if;

  return query
  select r.job_id, r.run_no, r.cancel_reason
  from jobs.running as r
  where r.worker_id = p_worker_id and r.cancel_reason is not null;
end;
$$;

comment on function jobs.heartbeat is
  'Extend a worker''s lease; returns the jobs that it has to stop, and why. p_progress: how far its
jobs are, [{"job_id", "run_no", "percent", "note"}], shown by jobs.active; percent is cut to 0 to
100, and what cannot be read is passed over. p_hears: notifications reach it. Raises JQ005 where its
lease had run out and its jobs were given to others.';
grant execute on function jobs.heartbeat to autom_worker, autom_operator;
