create or replace function jobs._cron_field(
  p_field text,
  p_low   integer,
  p_high  integer,
  p_names text[] default '{}'
)
returns integer[]
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_item   text;
  v_match  text[];
  v_from   integer;
  v_to     integer;
  v_step   integer;
  v_values integer[] := array[]::integer[];
begin
  foreach v_item in array string_to_array(lower(p_field), ',') loop
    v_match := regexp_match(v_item, '^(?:([*])|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?$');
    v_step := coalesce(v_match[4], '1')::integer;
    v_from := case when v_match[1] = '*' then p_low
      else jobs._cron_value(v_match[2], p_low, p_names) end;
    v_to := case
      when v_match[3] is not null then jobs._cron_value(v_match[3], p_low, p_names)
      -- 5/10 is "from 5 on, each 10", as in most crons.
      when v_match[1] = '*' or v_match[4] is not null then p_high
      else v_from
    end;
    if v_match is null or v_step < 1 or v_from is null or v_to is null
      or v_from < p_low or v_to > p_high or v_from > v_to
    then
      raise exception using
        errcode = 'JQ012',
        message = 'This is not a cron expression.',
        detail  = format('field=%s item=%s allowed=%s-%s', p_field, v_item, p_low, p_high),
        hint    = 'Five fields: minute hour day month weekday; each *, 5, 1-5, */10, 1,3 or a '
                  'name.';
    end if;
    v_values := v_values || array(select v from generate_series(v_from, v_to, v_step) as v);
  end loop;
  return array(select distinct v from unnest(v_values) as v order by v);
end;
$$;

comment on function jobs._cron_field is
  'The values that one field of a cron expression stands for. Raises JQ012.';
