create or replace function jobs.open_batch(p_name text)
returns bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into jobs.run_log (name, is_batch, started_at)
  values (p_name, true, jobs.clock())
  returning run_log.run_id;
$$;

comment on function jobs.open_batch is
  'Begin a batch; returns its id. Jobs join it with p_batch_id, and what they enqueue when they end
belongs to it too. jobs.batches shows how far it is.';
grant execute on function jobs.open_batch to autom_worker, autom_operator;
