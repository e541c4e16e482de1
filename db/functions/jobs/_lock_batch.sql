create or replace function jobs._lock_batch(p_batch_id bigint)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Shared with others that add; whoever closes it waits for them when it writes.
  perform from jobs.run_log as l
  where l.run_id = p_batch_id and l.is_batch and l.returned_at is null
  for key share;
  if not found then
    raise exception using
      errcode = 'JQ032',
      message = 'There is no such open batch.',
      detail  = format('batch_id=%s', p_batch_id),
      hint    = 'select batch_id, name, status from jobs.batches;';
  end if;
end;
$$;

comment on function jobs._lock_batch is
  'Keep a batch open until this transaction ends. Raises JQ032 (there is none, or it is closed).';
