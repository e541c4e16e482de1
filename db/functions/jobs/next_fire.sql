create or replace function jobs.next_fire(p_cron text, p_time_zone text, p_after timestamptz)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_field    text[] := regexp_split_to_array(trim(p_cron), '\s+');
  v_minutes  integer[];
  v_hours    integer[];
  v_days     integer[];
  v_months   integer[];
  v_weekdays integer[];
  v_by_clock boolean;
  v_either   boolean;
  v_day_fits boolean;
  v_weekday_fits boolean;
  v_day      date := (p_after at time zone p_time_zone)::date - 1;
  v_next     timestamptz;
begin
  if cardinality(v_field) <> 5 then
    raise exception using
      errcode = 'JQ012',
      message = 'This is not a cron expression.',
      detail  = format('cron=%s', p_cron),
      hint    = 'Five fields: minute hour day month weekday; each *, 5, 1-5, */10, 1,3 or a name.';
  end if;
  v_minutes := jobs._cron_field(v_field[1], 0, 59);
  v_hours := jobs._cron_field(v_field[2], 0, 23);
  v_days := jobs._cron_field(v_field[3], 1, 31);
  v_months := jobs._cron_field(
    v_field[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}'
  );
  v_weekdays := jobs._cron_field(v_field[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');
  -- Cron's own rules. Days of the month and of the week, when both are given, are alternatives; and
  -- what repeats by the minute or hour goes by real time when the clocks change, while a fixed time
  -- comes exactly once that day.
  v_either := v_field[3] !~ '^[*]' and v_field[5] !~ '^[*]';
  v_by_clock := v_field[1] !~ '^[*]' and v_field[2] !~ '^[*]';

  -- Every weekday comes on every date within 40 years (29 February, over a year such as 2100 that
  -- is no leap year); what is further never comes.
  while v_next is null and v_day < p_after + interval '41 years' loop
    if extract(month from v_day) <> all (v_months) then
      v_day := date_trunc('month', v_day + interval '1 month');
      continue;
    end if;
    v_day_fits := extract(day from v_day) = any (v_days);
    v_weekday_fits := extract(dow from v_day) = any (v_weekdays)
      or extract(isodow from v_day) = any (v_weekdays);
    if (v_day_fits and v_weekday_fits) or (v_either and (v_day_fits or v_weekday_fits)) then
      select min(i) from jobs._instants(v_day, v_hours, v_minutes, p_time_zone, v_by_clock) as i
      where i > p_after
      into v_next;
    end if;
    v_day := v_day + 1;
  end loop;
  return v_next;
end;
$$;

comment on function jobs.next_fire is
  'The first time after p_after that a cron expression fits by the clock of a time zone; null if
never.
Fields: minute (0-59), hour (0-23), day (1-31), month (1-12, jan-dec), weekday (0-7, sun-sat; 0 and
7 are Sunday). A fixed time that the clocks skip comes when they have jumped, one that they repeat
comes the first time; with * in minute or hour it goes by real time. Raises JQ012.';
grant execute on function jobs.next_fire to autom_worker, autom_operator, autom_reader;
