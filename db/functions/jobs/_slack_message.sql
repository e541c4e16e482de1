create or replace function jobs._slack_message(p_title text, p_lines text[])
returns jsonb
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'text', e.title,
    'blocks', jsonb_build_array(jsonb_build_object(
      'type', 'header',
      'text', jsonb_build_object('type', 'plain_text', 'text', left(p_title, 150))
    )) || (
      select jsonb_agg(jsonb_build_object(
        'type', 'section',
        'text', jsonb_build_object(
          'type', 'mrkdwn',
          'text', left(replace(replace(replace(l.line, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'),
          3000)
        )
      ) order by l.place)
      from unnest(p_lines) with ordinality as l (line, place)
    )
  )
  from (
    select replace(replace(replace(p_title, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')
  ) as e (title);
$$;

comment on function jobs._slack_message is
  'A title and lines as Slack takes them: & < > escaped, a header of 150 and sections of 3000
characters, 50 blocks at most. Source: https://docs.slack.dev/reference/block-kit/blocks';
