create or replace function shops._micro(p_minor bigint, p_currency text)
returns bigint
language sql
immutable
strict
parallel safe
as $$
  select p_minor * (10 ^ (6 - shops._decimals(p_currency)))::bigint;
$$;

comment on function shops._micro is
  'Minor units as micro currency, in which Pinterest counts: 1250 EUR is 12500000.';
