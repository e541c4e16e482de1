create or replace function jobs._find_dead(
  p_kind   text,
  p_queue  text,
  p_reason text,
  p_key    text,
  p_tenant uuid
)
returns table (job_id bigint, run_id bigint)
language sql
stable
as $$
  select d.job_id, j.run_id
  from jobs.dead_letters as d
  join jobs.jobs as j on j.job_id = d.job_id
  where (p_queue is null or d.queue = p_queue)
    and (p_reason is null or d.reason like p_reason)
    and (p_kind is null or j.kind = p_kind)
    and (p_key is null or d.key = p_key)
    and (p_tenant is null or j.tenant = p_tenant);
$$;

comment on function jobs._find_dead is
  'Dead jobs of a kind, of a queue, of a key, of a tenant, whose reason is like p_reason; null asks
for all. Without a search_path of its own, so that it becomes part of the query that asks.';
