create or replace function jobs._fell_with_parent(p_job_id bigint)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Of two that retry it one waits here, and then finds it back.
  perform from jobs.waits as w where w.job_id = p_job_id order by w.parent_id for update;
  return jobs._ended(p_job_id) and exists (
    select
    from (
      select h.state, h.code from jobs.history as h
      where h.job_id = p_job_id
      order by h.run_no desc
      limit 1
    ) as l
    where l.state = 'cancelled' and l.code = 'parent'
  );
end;
$$;

comment on function jobs._fell_with_parent is
  'The job was cancelled because one that it waited for is not done; it stays so until this
transaction ends.';
