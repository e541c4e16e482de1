create or replace function jobs.resume(p_queue text, p_key text default null)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform jobs._refuse_empty_key(p_key);
  perform from jobs.queues as q where q.queue = p_queue;
  if not found then
    raise exception using
      errcode = 'JQ013',
      message = 'There is no such queue.',
      detail  = format('queue=%s', p_queue),
      hint    = 'select queue, description from jobs.queues_status;';
  end if;
  delete from jobs.pauses as p where p.queue = p_queue and p.key = coalesce(p_key, '');
  perform jobs._wake(p_queue);
end;
$$;

comment on function jobs.resume is
  'End a pause of a queue, or of one key of it; p_key null is the pause of the whole queue, and
leaves those of its keys. Raises JQ013 (no such queue), JQ014 (an empty key).';
grant execute on function jobs.resume to autom_worker, autom_operator;
