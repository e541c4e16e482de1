create or replace function jobs._refuse_job(p_job_id bigint)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'JQ009',
    message = 'There is no such job.',
    detail  = format('job_id=%s', p_job_id);
end;
$$;

comment on function jobs._refuse_job is 'Raises JQ009.';
