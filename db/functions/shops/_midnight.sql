create or replace function shops._midnight(p_day date, p_time_zone text)
returns timestamptz
language sql
immutable
parallel safe
as $$
  -- Where clocks go back at midnight it strikes twice, and Postgres takes the second.
  select case
    when ((p_day::timestamp at time zone p_time_zone)
      - interval '1 hour') at time zone p_time_zone >= p_day
      then (p_day::timestamp at time zone p_time_zone) - interval '1 hour'
    else p_day::timestamp at time zone p_time_zone
  end;
$$;

comment on function shops._midnight is
  'The first moment of a day in a time zone, also where summer time begins or ends at midnight.';
grant execute on function shops._midnight
  to autom_web, autom_operator, autom_reader, authenticated, service_role;
