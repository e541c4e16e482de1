create or replace function shops._end_ai_call(
  p_job_id bigint,
  p_state text,
  p_usage jsonb default null,
  p_request_id text default null
)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
-- plpgsql keeps its plans; sql would plan anew for every job.
as $$
begin
  with priced as (
    select c.user_id, c.ai_call_id, c.month, c.ceiling, u.input_tokens, u.output_tokens,
           case p_state
             when 'not_charged' then 0
             when 'unknown' then c.ceiling
             else case
               when m.is_free then 0
               when m.per_image is not null then m.per_image
               -- Without usage nobody can tell, so it counts as the most it may have been.
               else coalesce(ceil((u.input_tokens * m.input_per_million
                                   + u.output_tokens * m.output_per_million) / 1000000.0),
                                   c.ceiling)
             end
           end::bigint as cost
    from shops.ai_calls as c
    join shops.models as m on m.task = c.task and m.model = c.model and m.quality = c.quality
    cross join lateral (
      select (p_usage ->> 'input_tokens')::bigint, (p_usage ->> 'output_tokens')::bigint
    ) as u (input_tokens, output_tokens)
    where c.job_id = p_job_id and c.state = 'open'
    for update of c
  ),
  ended as (
    update shops.ai_calls as c
    set state         = p_state,
        cost          = p.cost,
        input_tokens  = p.input_tokens,
        output_tokens = p.output_tokens,
        request_id    = p_request_id,
        ended_at      = jobs.clock()
    from priced as p
    where c.user_id = p.user_id and c.ai_call_id = p.ai_call_id
    returning c.user_id
  )
  update shops.budget_months as b
  set held  = b.held - p.ceiling,
      spent = b.spent + p.cost
  from priced as p
  where b.user_id = p.user_id and b.month = p.month;
end;
$$;

comment on function shops._end_ai_call is
  'End the open call of a job, if there is one, as paid, not_charged or unknown: record what it '
  'cost from the usage and the model''s prices, and give back what was held for it.';
