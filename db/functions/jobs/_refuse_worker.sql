create or replace function jobs._refuse_worker(p_worker_id integer)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'JQ005',
    message = 'This worker is not signed on.',
    detail  = format('worker_id=%s', p_worker_id),
    hint    = 'Its lease may have run out. Sign on with jobs.start_worker; its jobs are with '
              'others.';
end;
$$;

comment on function jobs._refuse_worker is 'Raises JQ005.';
