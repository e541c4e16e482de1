create or replace function shops.probability_above(
  p_weekly_units double precision,
  p_units bigint,
  p_weeks double precision,
  p_prior_shape integer default 1,
  p_prior_weekly_units double precision default 1.5
)
returns double precision
language plpgsql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  -- P(rate > t) = e^(-z) * sum of z^i / i! for i from 0 to shape + units - 1.
  v_z    double precision := (p_prior_shape / p_prior_weekly_units + p_weeks) * p_weekly_units;
  -- What of e^(-z) is still to be multiplied in: all at once it would be 0 for a large z.
  v_left double precision := v_z;
  v_term double precision := 1;
  v_sum  double precision := 1;
begin
  for v_i in 1 .. p_prior_shape + p_units - 1 loop
    v_term := v_term * v_z / v_i;
    v_sum := v_sum + v_term;
    if v_sum > 1e200 then
      v_term := v_term * 1e-200;
      v_sum := v_sum * 1e-200;
      v_left := v_left - 460.517018598809;
    end if;
    -- Terms shrink from here on, and no double can show them any more.
    exit when v_i > v_z and v_term < v_sum * 1e-17;
  end loop;
  return case when v_left > 700 then 0 else least(v_sum * exp(-v_left), 1) end;
end;
$$;

comment on function shops.probability_above is
  'How likely it is that a product sells more than p_weekly_units a week in the long run, after '
  'p_units in p_weeks: the upper tail of a Gamma posterior, exact because the prior''s shape is a '
  'whole number. The prior expects p_prior_weekly_units a week.';
grant execute on function shops.probability_above
  to autom_web, autom_operator, autom_reader, authenticated, service_role;
