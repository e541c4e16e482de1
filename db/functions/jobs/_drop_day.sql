create or replace function jobs._drop_day(p_what text, p_partition text, p_kept bigint[])
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
-- While this waits for its lock, everybody waits behind it.
set lock_timeout = '50ms'
as $$
declare
  v_rows bigint;
begin
  -- To move so many would hold everybody up. The day stays whole until fewer are left.
  execute format(
    'select count(*) from (select from jobs.%I as d where d.job_id = any ($1) limit 20001) as d',
    p_partition
  )
  using p_kept
  into v_rows;
  if v_rows > 20000 then
    return null;
  end if;

  -- Who has been reading for a while, as a backup does, will go on: do not even ask. A prepared
  -- transaction has no process.
  if exists (
    select
    from pg_locks as l
    left join pg_stat_activity as a on a.pid = l.pid
    where l.relation in (format('jobs.%I', p_what)::regclass,
      format('jobs.%I', p_partition)::regclass,
                         format('jobs.%I', p_what || '_default')::regclass)
      and l.database = (select d.oid from pg_database as d where d.datname = current_database())
      and l.pid is distinct from pg_backend_pid()
      and (l.pid is null or a.xact_start < clock_timestamp() - interval '1 s')
  ) then
    return false;
  end if;
  -- Detached, the rows go where rows without a day go. CONCURRENTLY is refused where there is a
  -- default partition.
  execute format('alter table jobs.%I detach partition jobs.%I', p_what, p_partition);
  execute format('insert into jobs.%I select d.* from jobs.%I as d where d.job_id = any ($1)',
                 p_what, p_partition)
  using p_kept;
  execute format('drop table jobs.%I', p_partition);
  return true;
exception
  when lock_not_available then
    return false;
end;
$$;

comment on function jobs._drop_day is
  'Move the rows of p_kept out of a day and drop the day. False where somebody is busy with it: try
again; null where more than 20,000 rows would have to move.';
