create or replace function jobs.prepare_alert(
  p_job_id     bigint,
  p_payload    jsonb,
  p_maybe_sent boolean
)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_channel jobs.alert_channels;
  v_lines   text[];
  v_title   text;
begin
  select c.* from jobs.alert_channels as c where c.channel = p_payload ->> 'channel' into v_channel;
  if not found or not v_channel.enabled then
    return jsonb_build_object('skip', 'There is no such channel, or it is disabled.');
  end if;

  if p_payload ? 'test' then
    v_title := 'AutoM: a test';
    v_lines := array['This channel works. Alerts will come here.'];
  else
    -- Also what has come up since the job was enqueued, or since its last attempt.
    update jobs.alert_notices as n
    set job_id = p_job_id, ended_at = null, outcome = null
    where n.channel = v_channel.channel
      and (n.job_id is null and n.ended_at is null
           or n.job_id = p_job_id and n.outcome is distinct from 'done');
    select array_agg(l.line order by l.rank, l.alert_id, l.news), max(l.title)
    from jobs._alert_lines(p_job_id) as l
    into v_lines, v_title;
  end if;
  if v_lines is null then
    return jsonb_build_object('skip', 'There is nothing new.');
  end if;
  return jsonb_build_object('request', case v_channel.kind
    when 'jobs.send_slack' then jobs._slack_message(v_title, v_lines)
    else jsonb_build_object(
      'from', v_channel.mail_from, 'to', v_channel.mail_to, 'subject', v_title,
      'text', array_to_string(v_lines, e'\n\n'), 'message_id', p_job_id,
      'date', to_char(jobs.clock() at time zone 'UTC', 'Dy, DD Mon YYYY HH24:MI:SS "+0000"')
    )
  end || jsonb_build_object('url_from', v_channel.url_from));
end;
$$;

comment on function jobs.prepare_alert is
  'Prepares jobs.send_slack and jobs.send_mail: one message with all that the channel has not '
  'been told.';
