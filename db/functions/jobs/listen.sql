create or replace function jobs.listen()
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  listen jobs;
end;
$$;

comment on function jobs.listen is
  'Have this connection told of ready jobs: channel jobs, the queue as the message. Needs a
connection of one''s own, so not through PgBouncer in transaction mode; jobs.ring shows whether it
works.';
grant execute on function jobs.listen to autom_worker, autom_operator;
