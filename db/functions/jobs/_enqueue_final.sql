create or replace function jobs._enqueue_final(p_run_id bigint, p_kind text, p_payload jsonb)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_outside bigint := nullif(current_setting('jobs.run_id', true), '')::bigint;
begin
  if p_kind is null then
    return;
  end if;
  -- It is not one of the batch, which has ended.
  perform jobs._enter_run(null);
  perform jobs.enqueue(p_kind, p_payload || jsonb_build_object('batch_id', p_run_id));
  perform jobs._enter_run(v_outside);
end;
$$;

comment on function jobs._enqueue_final is 'Enqueue the final job of a batch, if it has one.';
