create or replace function jobs._settle_done(p_job jobs.running, p_kind jobs.kinds, p_answer jsonb)
returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_reply jsonb := jobs._tell(p_job, jsonb_build_object('state', 'done', 'answer', p_answer));
begin
  if v_reply is null then
    return jobs._finish(p_job, 'done', p_result => p_answer);
  elsif v_reply ? 'give_up' then
    return jobs._finish(p_job, 'failed', v_reply ->> 'give_up');
  elsif v_reply ? 'snooze' then
    return jobs._put_in_line(
      p_job, jobs.clock() + make_interval(secs => (v_reply ->> 'snooze')::double precision),
      v_reply ->> 'reason'
    );
  end if;
  return jobs._try_again(
    p_job, p_kind, (v_reply ->> 'later')::double precision, v_reply ->> 'reason', null, 'failed'
  );
end;
$$;

comment on function jobs._settle_done is
  'End a job as done, unless its settle function refuses the answer.';
