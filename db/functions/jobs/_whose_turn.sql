create or replace function jobs._whose_turn(
  p_queue     text,
  p_priority  integer,
  p_floor     bigint,
  p_after_key text,
  p_limit     integer,
  out keys    text[],
  out more    boolean
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if pg_stat_get_dead_tuples('jobs.ready'::regclass) > 5000 then
    -- From one key to the next the index is full of what was claimed and not yet cleaned up: to
    -- walk through 5,000 such entries takes about as long as all else that a claim does.
    keys := array(select k from jobs._keys_from(p_queue, p_priority, p_floor, p_limit) as k);
    more := cardinality(keys) = p_limit;
    if more then
      -- Or who came behind the backlogs of others would not be seen before those are worked off.
      keys := keys || array(
        select k from jobs._keys_from(p_queue, p_priority, jobs._somewhere(p_floor), p_limit) as k
      );
    end if;
    keys := array(
      select k from (select distinct k from unnest(keys) as k) as k order by k <= p_after_key, k
    );
    return;
  end if;
  -- Behind the key where the caller stopped (chr(1) makes the next text that there can be), then
  -- around from the beginning.
  keys := array(
    select k
    from jobs._keys_in_line(
      p_queue, p_priority, coalesce(p_after_key || chr(1), ''), null, p_limit
    ) as k
  );
  if p_after_key is not null and cardinality(keys) < p_limit then
    keys := keys || array(
      select k
      from jobs._keys_in_line(
        p_queue, p_priority, '', p_after_key, p_limit - cardinality(keys)
      ) as k
    );
  end if;
  more := cardinality(keys) = p_limit;
end;
$$;

comment on function jobs._whose_turn is
  'Keys with ready jobs of a priority, those behind p_after_key first, and whether there may be more
of them. p_limit: how far to look.';
