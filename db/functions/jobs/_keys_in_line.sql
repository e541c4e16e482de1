create or replace function jobs._keys_in_line(
  p_queue    text,
  p_priority integer,
  p_from     text,
  p_to       text,
  p_limit    integer
)
returns setof text
language sql
stable
rows 64
as $$
  -- From one key straight to the next: the cost is that of the keys, not of the jobs.
  with recursive line as (
    (
      select r.key from jobs.ready as r
      where r.queue = p_queue and r.priority = p_priority and r.key >= p_from
      order by r.key
      limit 1
    )
    union all
    select (
      select r.key from jobs.ready as r
      where r.queue = p_queue and r.priority = p_priority and r.key > line.key
      order by r.key
      limit 1
    )
    from line
    where line.key < p_to or (p_to is null and line.key is not null)
  )
  select line.key from line where line.key <= p_to or (p_to is null and line.key is not null)
  limit p_limit;
$$;

comment on function jobs._keys_in_line is
  'The keys with ready jobs of a priority, in order, from p_from on to p_to (null is the end).';
