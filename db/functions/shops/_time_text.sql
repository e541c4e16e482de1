create or replace function shops._time_text(p_time timestamptz)
returns text
language sql
immutable
strict
parallel safe
as $$
  select to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
$$;

comment on function shops._time_text is
  'A moment as shops._time reads it: 2026-11-20T06:00:00.000000Z.';
