create or replace function jobs.penalise(p_queue text, p_key text, p_until timestamptz)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into jobs.rests as r (queue, key, until)
  values (p_queue, coalesce(p_key, ''), p_until)
  on conflict (queue, key) do update
  set until = excluded.until
  where r.until < excluded.until;
$$;

comment on function jobs.penalise is
  'No worker takes a job of this key before p_until: what a service asks for with Retry-After. With
an empty key, none of the whole queue.';
grant execute on function jobs.penalise to autom_worker, autom_operator;
