create or replace function jobs._whose_turn(
  p_queue     text,
  p_priority  integer,
  p_floor     bigint,
  p_after_key text
)
returns text[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  v_keys text[];
begin
  if pg_stat_get_dead_tuples('jobs.ready'::regclass) > 5000 then
    -- From one key to the next the index is full of what was claimed and not yet cleaned up.
    return array(
      select k from jobs._keys_from_floor(p_queue, p_priority, p_floor, p_after_key, 64) as k
    );
  end if;
  -- Behind the key where the caller stopped (chr(1) makes the next text that there can be), then
  -- around from the beginning.
  v_keys := array(
    select k
    from jobs._keys_in_line(p_queue, p_priority, coalesce(p_after_key || chr(1), ''), null, 64) as k
  );
  if p_after_key is not null and cardinality(v_keys) < 64 then
    v_keys := v_keys || array(
      select k from jobs._keys_in_line(p_queue, p_priority, '', p_after_key, 64) as k
    );
  end if;
  return v_keys;
end;
$$;

comment on function jobs._whose_turn is
  'Keys with ready jobs of a priority: those behind p_after_key, then the others. Some 64, if there
are as many.';
