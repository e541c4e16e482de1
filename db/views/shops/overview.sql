create or replace view shops.overview with (security_invoker = true) as
select s.user_id,
       s.shop_id,
       s.name as shop,
       s.domain,
       s.program,
       s.enabled,
       e.plan,
       coalesce(e.active, false) as subscribed,
       coalesce(n.niches, 0) as niches,
       coalesce(p.in_work, 0) as in_work,
       coalesce(p.drafts, 0) as drafts,
       coalesce(p.published, 0) as published,
       coalesce(p.winners, 0) as winners,
       coalesce(p.losers, 0) as losers,
       coalesce(p.archived, 0) as archived,
       coalesce(p.failed, 0) as failed,
       r.job as last_job,
       r.status as last_status,
       coalesce(r.error, r.skip_reason) as last_reason,
       r.ran_at as last_run_at
from shops.shops as s
left join accounts.entitlements as e on e.user_id = s.user_id
left join lateral (
  select count(*)::integer as niches
  from shops.niches as k
  where k.user_id = s.user_id and k.shop_id = s.shop_id and k.active
) as n on true
left join lateral (
  select count(*) filter (where k.state in ('planned', 'drawn', 'written', 'uploaded'))::integer
    as in_work,
         count(*) filter (where k.state in ('created', 'optimised'))::integer as drafts,
         count(*) filter (where k.state = 'published')::integer as published,
         count(*) filter (where k.state = 'winner')::integer as winners,
         count(*) filter (where k.state = 'loser')::integer as losers,
         count(*) filter (where k.state = 'archived')::integer as archived,
         count(*) filter (where k.state = 'failed')::integer as failed
  from shops.products as k
  where k.user_id = s.user_id and k.shop_id = s.shop_id
) as p on true
left join lateral (
  select k.job, k.status, k.error, k.skip_reason, k.ran_at
  from shops.shop_runs as k
  where k.user_id = s.user_id and k.shop_id = s.shop_id
  order by k.ran_at desc, k.shop_run_id desc
  limit 1
) as r on true;

comment on view shops.overview is
  'Every shop in one row: whose it is, its products by state, and its last run.';
comment on column shops.overview.user_id is 'The owner.';
comment on column shops.overview.shop_id is 'The shop.';
comment on column shops.overview.shop is 'Its name.';
comment on column shops.overview.domain is 'The storefront''s host name.';
comment on column shops.overview.program is 'pod_autom or reboss.';
comment on column shops.overview.enabled is 'False: its owner stopped it.';
comment on column shops.overview.plan is 'The owner''s plan.';
comment on column shops.overview.subscribed is 'The owner has an active or trialing subscription.';
comment on column shops.overview.niches is 'Active niches.';
comment on column shops.overview.in_work is 'Products on their way into the shop.';
comment on column shops.overview.drafts is 'Products that are drafts in the shop.';
comment on column shops.overview.published is 'Products on sale, neither winner nor loser.';
comment on column shops.overview.winners is 'Products that sell well enough to be scaled.';
comment on column shops.overview.losers is 'Products that do not sell.';
comment on column shops.overview.archived is 'Products out of the shop.';
comment on column shops.overview.failed is 'Products that failed on the way.';
comment on column shops.overview.last_job is 'The schedule that looked at the shop last.';
comment on column shops.overview.last_status is 'How that went.';
comment on column shops.overview.last_reason is 'The error, or why there was nothing to do.';
comment on column shops.overview.last_run_at is 'When that was.';
