create or replace function jobs.pause(
  p_queue  text,
  p_key    text default null,
  p_until  timestamptz default null,
  p_reason text default null
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform jobs._refuse_empty_key(p_key);
  if p_until <= jobs.clock() then
    raise exception using
      errcode = 'JQ015',
      message = 'A pause ends in the time to come.',
      detail  = format('queue=%s until=%s now=%s', p_queue, p_until, jobs.clock()),
      hint    = 'Leave p_until out and it lasts until jobs.resume.';
  end if;
  insert into jobs.pauses as p (queue, key, until, reason, paused_at)
  select q.queue, coalesce(p_key, ''), p_until, p_reason, jobs.clock()
  from jobs.queues as q where q.queue = p_queue
  on conflict (queue, key) do update
  set until = excluded.until, reason = excluded.reason, paused_at = excluded.paused_at;
  if not found then
    raise exception using
      errcode = 'JQ013',
      message = 'There is no such queue.',
      detail  = format('queue=%s', p_queue),
      hint    = 'select queue, description from jobs.queues_status;';
  end if;
end;
$$;

comment on function jobs.pause is
  'No worker takes a job of this queue, or of this key of it, until p_until or jobs.resume; p_key
null is the whole queue. What runs goes on. Raises JQ013 (no such queue), JQ014 (an empty key),
JQ015 (p_until is over).';
grant execute on function jobs.pause to autom_worker, autom_operator;
