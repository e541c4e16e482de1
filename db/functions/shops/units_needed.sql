create or replace function shops.units_needed(
  p_certainty double precision,
  p_weekly_units double precision,
  p_weeks double precision,
  p_prior_shape integer default 1,
  p_prior_weekly_units double precision default 1.5
)
returns bigint
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_units bigint := 0;
begin
  while p_certainty > shops.probability_above(
    p_weekly_units, v_units, p_weeks, p_prior_shape, p_prior_weekly_units
  ) loop
    v_units := v_units + 1;
  end loop;
  return v_units;
end;
$$;

comment on function shops.units_needed is
  'The fewest units in p_weeks after which shops.probability_above reaches p_certainty, which is '
  'below 1.';
grant execute on function shops.units_needed
  to autom_web, autom_operator, autom_reader, authenticated, service_role;
