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
-- No search_path of its own: setting it takes longer than the arithmetic, for each product.
as $$
declare
  -- P(rate > t) = e^(-z) * sum of z^i / i! for i from 0 to shape + units - 1, by Horner's rule from
  -- the last term down. No double shows a term that comes more than 12 deviations after z.
  v_z    double precision := (p_prior_shape / p_prior_weekly_units + p_weeks) * p_weekly_units;
  v_last bigint := p_prior_shape + p_units - 1;
  v_one  double precision;
  v_sum  double precision;
  v_left double precision;
begin
  if v_z <= 700 then
    -- The usual case, with one step a unit: views ask it of every product.
    v_one := pg_catalog.exp(-v_z);
    v_sum := v_one;
    for v_i in reverse least(v_last, 1100) .. 1 loop
      v_sum := v_one + v_sum * v_z / v_i;
    end loop;
    return least(v_sum, 1);
  end if;

  -- All of e^(-z) at once would be 0: what is left of it is multiplied in as the sum grows.
  v_left := v_z;
  v_one := 1;
  v_sum := 1;
  v_last := least(v_last, pg_catalog.ceil(v_z + 12 * pg_catalog.sqrt(v_z) + 40));
  for v_i in reverse v_last .. 1 loop
    v_sum := v_one + v_sum * v_z / v_i;
    if v_sum > 1e200 then
      v_one := 0;
      v_sum := v_sum * 1e-200;
      v_left := v_left - 460.517018598809;
    end if;
  end loop;
  return case when v_left > 700 then 0 else least(v_sum * pg_catalog.exp(-v_left), 1) end;
end;
$$;

comment on function shops.probability_above is
  'How likely it is that a product sells more than p_weekly_units a week in the long run, after '
  'p_units in p_weeks: the upper tail of a Gamma posterior, exact because the prior''s shape is a '
  'whole number. The prior expects p_prior_weekly_units a week.';
grant execute on function shops.probability_above
  to autom_web, autom_operator, autom_reader, authenticated, service_role;
