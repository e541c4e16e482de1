create or replace function shops._minor(p_text text, p_currency text)
returns bigint
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
declare
  v_minor numeric;
begin
  if p_text !~ '^\s*[0-9]{1,12}([.][0-9]{1,9})?\s*$' then
    return null;
  end if;
  v_minor := p_text::numeric * 10::numeric ^ shops._decimals(p_currency);
  return case when v_minor % 1 = 0 then v_minor end;
end;
$$;

comment on function shops._minor is
  'A decimal text as exact minor units: "12.50" EUR is 1250, "1250" JPY is 1250. Null where it is '
  'no amount, or has more digits than the currency.';
