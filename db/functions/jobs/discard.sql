create or replace function jobs.discard(p_job_id bigint)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from jobs.dead_letters as d
  using jobs.jobs as j
  where d.job_id = p_job_id and j.job_id = d.job_id
    -- The end of a run counts its dead.
    and not exists (
      select from jobs.run_log as o where o.run_id = j.run_id and o.finished_at is null
    );
  if found then
    return 'discarded';
  end if;

  if not exists (select from jobs.jobs as j where j.job_id = p_job_id) then
    perform jobs._refuse_job(p_job_id);
  end if;
  raise exception using
    errcode = 'JQ035',
    message = 'Only a dead job, of no run or of one that has ended, can be discarded.',
    detail  = format('job_id=%s', p_job_id),
    hint    = format('select * from jobs.whereabouts where job_id = %s;', p_job_id);
end;
$$;

comment on function jobs.discard is
  'Let go of a dead job: nobody will retry it. What it was and how it ended stays as long as that of
others (jobs.retention). Returns discarded. Raises JQ009 (no such job), JQ035 (not dead, or its run
has not ended).';
grant execute on function jobs.discard to autom_operator;
