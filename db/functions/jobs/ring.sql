create or replace function jobs.ring(p_message text)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  select pg_notify('jobs', p_message);
$$;

comment on function jobs.ring is
  'Send a message to whoever listens: shows that notifications arrive.';
grant execute on function jobs.ring to autom_worker, autom_operator;
