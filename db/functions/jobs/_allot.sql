create or replace function jobs._allot(
  p_queue     text,
  p_priority  integer,
  p_room      integer,
  p_after_key text,
  p_floor     bigint,
  out keys    text[],
  out shares  integer[],
  out owed    double precision[],
  out buckets bigint[]
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_dice   bigint := random() * 1e15;
  v_more   boolean;
  v_among  integer;
  v_denied integer;
  v_given  integer;
begin
  -- Among many more, where those whose turn it is cannot fill the room: limits hold them up.
  foreach v_among in array array[64, 2048] loop
    select w.keys, w.more
    from jobs._whose_turn(p_queue, p_priority, p_floor, p_after_key, v_among) as w
    into keys, v_more;
    if keys = array[''] then
      -- Jobs without a key have no limits, and nobody to share with.
      shares := array[p_room];
      return;
    end if;
    select o.keys, o.denied from jobs._open_keys(p_queue, keys) as o into keys, v_denied;
    v_denied := v_denied + cardinality(keys);
    -- A new statement, so what it counts includes all that the last holder of a lock committed.
    select array_agg(s.key), array_agg(s.share), array_agg(s.owed), array_agg(s.bucket),
           coalesce(sum(s.share), 0)
    from jobs._shares(p_queue, p_priority, keys, p_room, p_floor, v_dice) as s
    into keys, shares, owed, buckets, v_given;
    v_denied := v_denied - coalesce(cardinality(keys), 0);
    exit when v_given >= p_room or not v_more;
  end loop;
  -- With room left for others, who got no share was denied one by a limit.
  if p_room > v_given and v_denied > 0 then
    perform jobs._count('jobs.denied_keys', v_denied);
  end if;
end;
$$;

comment on function jobs._allot is
  'Which keys get how many of p_room places; null keys where none does. owed, buckets: as in
jobs._shares.';
