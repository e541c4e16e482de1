create or replace function jobs._keys_from_floor(
  p_queue     text,
  p_priority  integer,
  p_floor     bigint,
  p_after_key text,
  p_limit     integer
)
returns setof text
language sql
stable
rows 64
as $$
  -- A thousand places after the other, and within them from one key straight to the next: nothing
  -- below the floor is touched. Two thousand steps at most, however many wait.
  with recursive line as (
    (
      select r.seq >> 10 as thousand, r.key
      from jobs.ready as r
      where r.queue = p_queue and r.priority = p_priority and r.seq > 0
        and r.seq >> 10 >= p_floor >> 10
      order by r.seq >> 10, r.key
      limit 1
    )
    union all
    select n.thousand, n.key
    from line
    cross join lateral (
      select r.seq >> 10 as thousand, r.key
      from jobs.ready as r
      where r.queue = p_queue and r.priority = p_priority and r.seq > 0
        and (r.seq >> 10, r.key) > (line.thousand, line.key)
      order by r.seq >> 10, r.key
      limit 1
    ) as n
  )
  select k.key
  from (select distinct l.key from (select line.key from line limit 2000) as l) as k
  order by k.key <= p_after_key, k.key
  limit p_limit;
$$;

comment on function jobs._keys_from_floor is
  'The keys with ready jobs of a priority from a place in line on, those behind p_after_key first.
What jobs._keys_in_line finds as well, at a cost that does not grow with what was claimed since the
last vacuum could clean up.';
