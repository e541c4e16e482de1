create or replace function jobs._keys_from(
  p_queue    text,
  p_priority integer,
  p_place    bigint,
  p_limit    integer
)
returns setof text
language sql
stable
rows 64
as $$
  -- A thousand places after the other, and within them from one key straight to the next: nothing
  -- below p_place is touched. So many steps and no more, however many jobs wait.
  with recursive line as (
    (
      select r.seq >> 10 as thousand, r.key
      from jobs.ready as r
      -- seq > 0: as in jobs.claim.
      where r.queue = p_queue and r.priority = p_priority and r.seq > 0
        and r.seq >> 10 >= p_place >> 10
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
  select line.key from line limit p_limit;
$$;

comment on function jobs._keys_from is
  'The keys of the ready jobs of a priority from a place in line on, some more than once. What
jobs._keys_in_line finds as well, at a cost that does not grow with what was claimed since the last
vacuum could clean up.';
