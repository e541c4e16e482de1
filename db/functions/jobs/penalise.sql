create or replace function jobs.penalise(p_queue text, p_key text, p_until timestamptz)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into jobs.buckets as b (queue, key, blocked_until)
  values (p_queue, p_key, p_until)
  on conflict (queue, key) do update
  set blocked_until = greatest(b.blocked_until, excluded.blocked_until)
  where b.blocked_until is null or b.blocked_until < excluded.blocked_until;
$$;

comment on function jobs.penalise is
  'No worker takes a job of this key before p_until: what a service asks for with Retry-After.';
grant execute on function jobs.penalise to autom_worker, autom_operator;
