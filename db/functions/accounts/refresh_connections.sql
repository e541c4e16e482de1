create or replace function accounts.refresh_connections(p_run_id bigint)
returns table (items integer, skipped integer, why text)
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  with asked as (
    select jobs.enqueue_many(
      p_kind        := d.refresh_kind,
      p_payloads    := array_agg(jsonb_build_object('connection_id', d.connection_id, 'asked_at',
        jobs.clock()) order by d.connection_id),
      p_keys        := array_agg(d.connection_id::text order by d.connection_id),
      p_tenants     := array_agg(d.user_id order by d.connection_id),
      p_unique_keys := array_agg(d.connection_id::text order by d.connection_id)
    ) as job_ids
    from accounts.refresh_due as d
    group by d.refresh_kind
  )
  select coalesce(sum(cardinality(a.job_ids)), 0)::integer,
         0,
         case when count(*) = 0 then 'No access token is near its end.' end
  from asked as a;
$$;

comment on function accounts.refresh_connections is
  'Schedule connection_refresh: one renewal for each row of accounts.refresh_due, in one '
  'statement.';
