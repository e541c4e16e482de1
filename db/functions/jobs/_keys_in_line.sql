create or replace function jobs._keys_in_line(
  p_queue    text,
  p_priority integer,
  p_after    text,
  p_until    text,
  p_limit    integer
)
returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
  -- From one key straight to the next: the cost is that of the keys, not of the jobs.
  with recursive line as (
    (
      select r.key from jobs.ready as r
      where r.queue = p_queue and r.priority = p_priority and (p_after is null or r.key > p_after)
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
    where line.key is not null
  )
  select line.key from line where line.key is not null and (p_until is null or line.key <= p_until)
  limit p_limit;
$$;

comment on function jobs._keys_in_line is
  'The keys with ready jobs of a priority, in order: behind p_after, up to p_until; null is no bound.';
