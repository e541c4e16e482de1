create or replace function shops._decimals(p_currency text)
returns integer
language sql
immutable
strict
parallel safe
as $$
  select case
    when p_currency in ('JPY', 'KRW', 'VND', 'CLP', 'ISK', 'XAF', 'XOF', 'XPF', 'PYG', 'UGX',
      'RWF') then 0
    when p_currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
    else 2
  end;
$$;

comment on function shops._decimals is
  'Digits after the point of a currency''s amounts (ISO 4217): 2 for EUR, 0 for JPY, 3 for KWD.';
