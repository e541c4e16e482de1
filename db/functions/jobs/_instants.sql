create or replace function jobs._instants(
  p_day       date,
  p_hours     integer[],
  p_minutes   integer[],
  p_time_zone text,
  p_once      boolean
)
returns setof timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  -- The clock's distance from UTC half a day before the day begins, and half a day after it ends.
  v_before interval := jobs._utc_offset((p_day - interval '12 hours') at time zone 'UTC',
    p_time_zone);
  v_after  interval := jobs._utc_offset((p_day + interval '36 hours') at time zone 'UTC',
    p_time_zone);
begin
  if v_before = v_after then
    return query
    select (p_day + make_interval(hours => h, mins => m) - v_before) at time zone 'UTC'
    from unnest(p_hours) as h, unnest(p_minutes) as m;
    return;
  end if;

  return query
  with times as (
    select p_day + make_interval(hours => h, mins => m) as wall
    from unnest(p_hours) as h, unnest(p_minutes) as m
  ),
  -- When the clock shows it: once, twice, or never on the day of a change.
  shown as (
    select t.wall, i.at
    from times as t
    cross join lateral (
      values ((t.wall - v_before) at time zone 'UTC'), ((t.wall - v_after) at time zone 'UTC')
    ) as i (at)
    where i.at at time zone p_time_zone = t.wall
  )
  select s.at from shown as s where not p_once
  union
  select min(s.at) from shown as s where p_once group by s.wall
  union
  -- Never: the first minute after the jump.
  select min(m)
  from times as t
  cross join lateral generate_series(
    (t.wall - v_after) at time zone 'UTC', (t.wall - v_before) at time zone 'UTC', interval '1 min'
  ) as m
  where p_once
    and not exists (select from shown as s where s.wall = t.wall)
    and m at time zone p_time_zone >= t.wall
  group by t.wall;
end;
$$;

comment on function jobs._instants is
  'The moments of a day at which the clock of a time zone shows the given hours and minutes; with
p_once each of them exactly once, even if the clock skips or repeats it.';
