create or replace function shops._more(p_margin bigint, p_what text)
returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select format(
    '%s %s %s', n.number, case when p_margin < 0 then 'more' else 'fewer' end,
    case when n.number = 1 then p_what else regexp_replace(p_what, '^(net )?(\w+)', '\1\2s') end
  )
  from (select case when p_margin < 0 then -p_margin else p_margin + 1 end) as n (number);
$$;

comment on function shops._more is
  'What flips a condition that counts: "2 more net units in 7 days" for a margin of -2, "1 fewer '
  '…" for one of 0.';
grant execute on function shops._more
  to autom_web, autom_operator, autom_reader, authenticated, service_role;
