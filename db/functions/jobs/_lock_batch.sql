create or replace function jobs._lock_batch(p_batch_id bigint, p_to_close boolean)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Shared among those who add. Who closes it waits for them, in a statement of its own: what comes
  -- after sees what they added.
  if p_to_close then
    perform from jobs.run_log as l
    where l.run_id = p_batch_id and l.is_batch and l.returned_at is null
    for no key update;
  else
    perform from jobs.run_log as l
    where l.run_id = p_batch_id and l.is_batch and l.returned_at is null
    for share;
  end if;
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
  'Keep a batch open until this transaction ends; or, p_to_close, wait for all who keep it open, and
let nobody join from then on. Raises JQ032 (there is none, or it is closed).';
