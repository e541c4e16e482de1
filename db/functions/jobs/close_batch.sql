create or replace function jobs.close_batch(
  p_batch_id bigint,
  p_kind     text default null,
  p_payload  jsonb default '{}',
  p_policy   text default 'on_any'
)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if p_kind is not null and not exists (select from jobs.kinds as k where k.kind = p_kind) then
    perform jobs._refuse_kind(p_kind);
  end if;
  perform jobs._refuse_policy(p_policy);
  perform jobs._lock_batch(p_batch_id, true);
  update jobs.run_log as l
  set returned_at = jobs.clock(), final_kind = p_kind, final_payload = p_payload,
      final_policy = p_policy,
      items = (select count(*) from jobs.jobs as j where j.run_id = p_batch_id)
  where l.run_id = p_batch_id;
  perform jobs._end_runs(p_batch_id);
  return (select l.status from jobs.run_log as l where l.run_id = p_batch_id);
end;
$$;

comment on function jobs.close_batch is
  'Nothing more joins the batch, and who is joining it just now is waited for; when its last job
ends, it ends. Then a job of p_kind is enqueued
with p_payload and {"batch_id"}: with p_policy on_any always, on_success if none of the batch is
dead, on_failure if one is. Returns how the batch stands: running until it has ended.
How a batch ended is not changed when one of its dead jobs is retried afterwards.
Raises JQ002 (unknown kind), JQ032 (no open batch), JQ037 (unknown policy).';
grant execute on function jobs.close_batch to autom_worker, autom_operator;
