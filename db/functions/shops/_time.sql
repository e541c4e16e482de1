create or replace function shops._time(p_text text)
returns timestamptz
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_part text[] := regexp_match(
    p_text,
    '^\s*((?:19|20)\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])'
    '[ T]([01]\d|2[0-3]):([0-5]\d):([0-5]\d(?:[.]\d{1,6})?)'
    ' ?(?:Z|UTC|([+-])([01]\d):?([0-5]\d))\s*$'
  );
  v_days integer;
begin
  v_days := extract(
    day from make_date(v_part[1]::integer, v_part[2]::integer, 1) + interval '1 month - 1 day'
  );
  if v_part is null or v_part[3]::integer > v_days then
    return null;
  end if;
  return make_timestamptz(
           v_part[1]::integer, v_part[2]::integer, v_part[3]::integer,
           v_part[4]::integer, v_part[5]::integer, v_part[6]::double precision, 'UTC'
         )
         - coalesce(v_part[7] || '1', '1')::integer
           * make_interval(hours => coalesce(v_part[8]::integer, 0),
           mins => coalesce(v_part[9]::integer, 0));
end;
$$;

comment on function shops._time is
  'A moment as shops write it: "2010-12-01 08:26:00 +0000" or "2026-11-20T06:00:00Z". Null where '
  'it is no moment, or names no time zone.';
