create or replace function jobs.test_channel(p_channel text)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kind text;
begin
  select c.kind from jobs.alert_channels as c where c.channel = p_channel into v_kind;
  if not found then
    raise exception using
      errcode = 'JQ022',
      message = 'There is no such alert channel.',
      detail  = format('channel=%s', p_channel),
      hint    = 'select channel, sends, description from jobs.alert_channels_status;';
  end if;
  return jobs.enqueue(v_kind, jsonb_build_object('channel', p_channel, 'test', true),
    p_key => p_channel);
end;
$$;

comment on function jobs.test_channel is
  'Have a worker tell a channel that it works; returns the job. Raises JQ022.';
grant execute on function jobs.test_channel to autom_operator;
