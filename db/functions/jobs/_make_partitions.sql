create or replace function jobs._make_partitions(p_days integer)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
-- To attach one locks the default partition: rather come again than let everybody wait.
set lock_timeout = '100ms'
as $$
declare
  v_day  record;
  v_made integer := 0;
begin
  for v_day in
    select t.name as parent, t.name || to_char(d.utc, '_YYYYMMDD') as name,
           jobs._first_id_of(d.utc at time zone 'UTC') as first_id,
           jobs._first_id_of((d.utc + interval '1 day') at time zone 'UTC') as next_id
    -- Not today's: a job that is on its way to the default partition would find it closed to it.
    from generate_series(1, p_days) as n
    cross join lateral (
      select date_trunc('day', clock_timestamp() at time zone 'UTC') + make_interval(days => n)
        as utc
    ) as d
    cross join (values ('jobs'), ('history'), ('effects')) as t (name)
    where to_regclass(format('jobs.%I', t.name || to_char(d.utc, '_YYYYMMDD'))) is null
  loop
    begin
      execute format(
        'create table jobs.%I (like jobs.%I including defaults including constraints) with (%s)',
        v_day.name, v_day.parent,
        case v_day.parent when 'effects' then 'fillfactor = 70' else 'fillfactor = 100' end
      );
      execute format('alter table jobs.%I attach partition jobs.%I for values from (%s) to (%s)',
                     v_day.parent, v_day.name, v_day.first_id, v_day.next_id);
      v_made := v_made + 1;
    exception
      -- The day already has rows in the default partition, and stays there; or it is busy just now.
      when check_violation or lock_not_available then
        null;
    end;
  end loop;
  return v_made;
end;
$$;

comment on function jobs._make_partitions is
  'Make the daily partitions from tomorrow to p_days ahead, where they are missing;
returns how many.
The day on which the clock begins, or begins again, stays in the default partition.';
