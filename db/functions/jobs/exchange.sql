create or replace function jobs.exchange(
  p_worker_id integer,
  p_job_ids   bigint[],
  p_run_nos   integer[],
  p_results   jsonb[],
  p_queue     text,
  p_limit     integer default 1,
  p_turn      jsonb default '{}'
)
returns table (
  job_ids bigint[], run_nos integer[], kinds text[], keys text[], payloads json,
  timeouts double precision[], turn jsonb, again_in double precision
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
begin
  if cardinality(p_job_ids) > 0 then
    perform jobs.complete_many(p_job_ids, p_run_nos, p_results);
  end if;
  select coalesce(array_agg(c.job_id), '{}'), coalesce(array_agg(c.run_no), '{}'),
         coalesce(array_agg(c.kind), '{}'), coalesce(array_agg(c.key), '{}'),
         -- Joined as text: to build one jsonb of them costs more than all else here.
         ('[' || coalesce(string_agg(c.payload::text, ','), '') || ']')::json,
         case when count(c.timeout) > 0 then array_agg(extract(epoch from c.timeout)::float8) end,
         p_turn || coalesce(jsonb_object_agg(c.priority, c.key) filter (where c.key <> ''), '{}')
  from jobs.claim(p_worker_id, p_queue, p_limit, p_turn) as c
  into job_ids, run_nos, kinds, keys, payloads, timeouts, turn;
  if cardinality(job_ids) < p_limit then
    again_in := jobs._again_in(p_queue);
  end if;
  if cardinality(job_ids) > 0 or again_in is not null then
    return next;
  end if;
end;
$$;

comment on function jobs.exchange is
  'jobs.complete_many and jobs.claim in one round trip and one commit, with the claimed jobs side by
side in one row, for a client reads that several times faster than a row for each.
timeouts: in seconds, of the jobs that have their own; null if none has. turn: to be handed back
with the next claim of the queue, so that keys take turns. again_in: ask again in so
many seconds, for a rate or a Retry-After holds jobs up until then; null if none does. No row if
there is nothing to say.';
grant execute on function jobs.exchange to autom_worker, autom_operator;
