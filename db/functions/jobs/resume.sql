create or replace function jobs.resume(p_queue text, p_key text default null)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from jobs.pauses as p where p.queue = p_queue and p.key = coalesce(p_key, '');
  select jobs._wake(p_queue);
$$;

comment on function jobs.resume is 'End a pause of a queue, or of one key of it.';
grant execute on function jobs.resume to autom_worker, autom_operator;
