create or replace function jobs.retry(p_job_id bigint)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_dead boolean;
begin
  -- A statement that waited long is older than the floor that what is due is looked for above.
  update jobs.scheduled as s
  set run_at = greatest(jobs.clock(), jobs._due_floor() + interval '1 ms')
  where s.job_id = p_job_id;
  if found then
    perform jobs._promote(1000);
    return 'ready';
  end if;

  perform from jobs.dead_letters as d where d.job_id = p_job_id for update;
  v_is_dead := found;
  if not v_is_dead and not jobs._fell_with_parent(p_job_id) then
    if not exists (select from jobs.jobs as j where j.job_id = p_job_id) then
      perform jobs._refuse_job(p_job_id);
    end if;
    raise exception using
      errcode = 'JQ010',
      message = 'Only what is dead, fell with a parent or waits for its time can be retried.',
      detail  = format('job_id=%s', p_job_id),
      hint    = format('select * from jobs.whereabouts where job_id = %s;', p_job_id);
  end if;

  -- It let go of its key when it ended; somebody else may have it now.
  perform jobs._settle_unique_keys(
    j.kind, array[p_job_id], array[j.unique_key], 'reject', null, 'finished', null, null, null, null
  )
  from jobs.jobs as j
  where j.job_id = p_job_id and j.unique_key is not null;
  if v_is_dead then
    return jobs._revive(p_job_id, null);
  end if;
  return jobs._wait_again(p_job_id);
end;
$$;

comment on function jobs.retry is
  'Let a dead job try again from the beginning, or one that waits for its time run now; or have one
that was cancelled because of a parent wait for its parents again, as they stand now: retry the
parent first, then each that fell with it, from above.
Returns ready; of the last kind how it stands: parked, ready, scheduled, or cancelled as before.
Raises JQ001 (its unique key is held by another job), JQ009 (no such job), JQ010 (none of
the three).';
grant execute on function jobs.retry to autom_operator;
