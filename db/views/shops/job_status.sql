create or replace view shops.job_status with (security_invoker = true) as
select s.user_id, s.shop_id, s.name as shop, j.job, r.status, r.items, r.skip_reason, r.error,
  r.run_id, r.ran_at
from shops.shops as s
cross join (
  values ('product_creation'), ('product_optimize'), ('pinterest_sync'), ('sales_tracker'),
    ('winner_scaling')
) as j (job)
left join lateral (
  select k.status, k.items, k.skip_reason, k.error, k.run_id, k.ran_at
  from shops.shop_runs as k
  where k.user_id = s.user_id and k.shop_id = s.shop_id and k.job = j.job
  order by k.shop_run_id desc
  limit 1
) as r on true;

comment on view shops.job_status is
  'The last run of each job in each shop; nulls: it never ran there.';
comment on column shops.job_status.user_id is 'The owner.';
comment on column shops.job_status.shop_id is 'The shop.';
comment on column shops.job_status.shop is 'Its name.';
comment on column shops.job_status.job is 'The schedule.';
comment on column shops.job_status.status is 'running, succeeded, skipped or failed.';
comment on column shops.job_status.items is 'What the run decided to do.';
comment on column shops.job_status.skip_reason is 'Why there was nothing to do.';
comment on column shops.job_status.error is 'The last failure of that run''s work.';
comment on column shops.job_status.run_id is 'The run of jobs.runs; null: started by hand.';
comment on column shops.job_status.ran_at is 'When it decided.';
