create or replace function jobs.next_fires(p_name text default null, p_count integer default 5)
returns table (schedule text, fire_at timestamptz)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from jobs.schedule_status as s where s.schedule = p_name;
  if p_name is not null and not found then
    raise exception using
      errcode = 'JQ011',
      message = 'There is no such schedule.',
      detail  = format('name=%s', p_name),
      hint    = 'select schedule, description from jobs.schedule_status;';
  end if;
  return query
  with recursive fires as (
    select s.schedule, s.cron, s.time_zone, 1 as number,
           jobs.next_fire(s.cron, s.time_zone, jobs.clock()) as fire_at
    from jobs.schedule_status as s
    where s.enabled and (p_name is null or s.schedule = p_name)
    union all
    select f.schedule, f.cron, f.time_zone, f.number + 1,
           jobs.next_fire(f.cron, f.time_zone, f.fire_at)
    from fires as f
    where f.number < p_count and f.fire_at is not null
  )
  select f.schedule, f.fire_at
  from fires as f
  where f.fire_at is not null
  order by f.fire_at, f.schedule
  limit p_count;
end;
$$;

comment on function jobs.next_fires is
  'The next p_count times that the enabled schedules (or the one named) fire, the soonest first. '
  'Raises JQ011.';
grant execute on function jobs.next_fires to autom_worker, autom_operator, autom_reader;
