create or replace view shops.api_costs with (security_invoker = true) as
select c.user_id,
       c.shop_id,
       s.name as shop,
       c.month,
       c.task,
       c.model,
       count(*)::integer as calls,
       count(*) filter (where c.state = 'open')::integer as open,
       count(*) filter (where c.state = 'unknown')::integer as unknown,
       (count(*) - count(distinct (c.product_id, c.input_hash)))::integer as repeated,
       coalesce(sum(c.input_tokens), 0)::bigint as input_tokens,
       coalesce(sum(c.output_tokens), 0)::bigint as output_tokens,
       coalesce(sum(c.cost), 0)::bigint as cost
from shops.ai_calls as c
join shops.shops as s on s.user_id = c.user_id and s.shop_id = c.shop_id
group by c.user_id, c.shop_id, s.name, c.month, c.task, c.model;

comment on view shops.api_costs is
  'What AI cost each shop, by UTC month, task and model, in micro-USD (1,000,000 = 1 USD).';
comment on column shops.api_costs.user_id is 'The owner.';
comment on column shops.api_costs.shop_id is 'The shop.';
comment on column shops.api_costs.shop is 'Its name.';
comment on column shops.api_costs.month is 'First day of the month.';
comment on column shops.api_costs.task is 'image or text.';
comment on column shops.api_costs.model is 'The model.';
comment on column shops.api_costs.calls is 'Calls that were allowed.';
comment on column shops.api_costs.open is 'Of these: under way.';
comment on column shops.api_costs.unknown is
  'Of these: cut off; they count as the most they may have cost.';
comment on column shops.api_costs.repeated is
  'Of these: asked for what had been asked before, after a refusal, a fault or a bad answer.';
comment on column shops.api_costs.input_tokens is 'Input tokens.';
comment on column shops.api_costs.output_tokens is 'Output tokens.';
comment on column shops.api_costs.cost is 'Micro-USD.';
