create or replace function jobs._horizon()
returns table (held_by text, what text, xmin xid, since timestamptz)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select h.held_by, h.what, h.xmin, h.since
  from (
    select format('backend %s', a.pid) as held_by,
           format('Process %s of %s (%s, %s)', a.pid, coalesce(a.usename, 'the server'),
                  coalesce(nullif(a.application_name, ''), a.backend_type),
                  coalesce(a.state, 'no state')) as what,
           a.backend_xmin as xmin, coalesce(a.xact_start, a.backend_start) as since
    from pg_stat_activity as a
    where a.backend_xmin is not null and a.pid <> pg_backend_pid()
    union all
    select format('slot %s', s.slot_name), format('Replication slot %s', s.slot_name),
           x.xmin, null
    from pg_replication_slots as s
    cross join lateral (values (s.xmin), (s.catalog_xmin)) as x (xmin)
    where x.xmin is not null
    union all
    select format('prepared %s', p.gid), format('Prepared transaction %s of %s', p.gid, p.owner),
           p.transaction, p.prepared
    from pg_prepared_xacts as p
  ) as h
  order by age(h.xmin) desc;
$$;

comment on function jobs._horizon is
  'Who holds a snapshot, the oldest first. It sees all that the owner of the schema may see: all, if
that one has pg_read_all_stats.';
grant execute on function jobs._horizon to autom_worker, autom_operator, autom_reader;
