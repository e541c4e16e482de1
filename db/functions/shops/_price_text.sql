create or replace function shops._price_text(p_minor bigint, p_currency text)
returns text
language sql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_currency in ('JPY', 'KRW', 'VND', 'CLP', 'ISK', 'XAF', 'XOF', 'XPF', 'PYG', 'UGX', 'RWF')
      then p_minor::text
    when p_currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND')
      then (p_minor / 1000)::text || '.' || lpad((p_minor % 1000)::text, 3, '0')
    else (p_minor / 100)::text || '.' || lpad((p_minor % 100)::text, 2, '0')
  end;
$$;

comment on function shops._price_text is
  'An amount in minor units as the decimal text that Shopify takes: 2999 EUR is 29.99, 2999 JPY '
  'is 2999 (ISO 4217).';
