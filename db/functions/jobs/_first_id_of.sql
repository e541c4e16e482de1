create or replace function jobs._first_id_of(p_at timestamptz)
returns bigint
language sql
stable strict parallel safe
as $$
  select to_char(p_at at time zone 'UTC', 'YYMMDD')::bigint * 1000000000;
$$;

comment on function jobs._first_id_of is
  'Where the job ids of a day (UTC) begin: its date and nine zeros. Below 2^53, so JSON keeps it.';
