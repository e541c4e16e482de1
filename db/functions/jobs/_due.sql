create or replace function jobs._due(
  p_cron      text,
  p_time_zone text,
  p_from      timestamptz,
  p_last      integer
)
returns timestamptz[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_span  interval;
  v_start timestamptz;
  v_due   timestamptz[];
begin
  -- The last ones are wanted: look back over an hour first, for a minutely schedule may have
  -- missed months.
  foreach v_span in array array['1 hour', '1 day', '1 month', '100 years']::interval[] loop
    v_start := greatest(p_from, jobs.clock() - v_span) - interval '1 microsecond';
    v_due := array(
      with recursive fires (at) as (
        select jobs.next_fire(p_cron, p_time_zone, v_start)
        union all
        select jobs.next_fire(p_cron, p_time_zone, f.at) from fires as f where f.at <= jobs.clock()
      )
      select f.at from fires as f where f.at <= jobs.clock() order by f.at
    );
    exit when cardinality(v_due) >= p_last or v_start < p_from;
  end loop;
  return v_due[greatest(1, cardinality(v_due) - p_last + 1):];
end;
$$;

comment on function jobs._due is
  'The last p_last times from p_from until now at which a cron expression fits, oldest first.';
