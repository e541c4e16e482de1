create or replace function jobs._alert_lines(p_job_id bigint)
returns table (alert_id bigint, news text, rank integer, title text, line text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with told as (
    select a.alert_id, a.rule, a.severity, a.said, a.first_seen, a.last_seen, n.news,
           -- A title is one line, and not a long one.
           left(regexp_replace(a.about, '\s+', ' ', 'g'), 120) as about,
           count(*) over () as total,
           row_number() over (
             order by n.news,
                      array_position(array['critical', 'warning', 'info'], a.severity), a.alert_id
           )::integer as rank
    from jobs.alert_notices as n
    join jobs.alerts as a on a.alert_id = n.alert_id
    where n.job_id = p_job_id and n.ended_at is null
  )
  select t.alert_id, t.news, t.rank,
         case when t.rank = 1 then format(
           'AutoM: %s: %s, %s%s',
           case t.news when 'opened' then t.severity else 'over' end, t.rule, t.about,
           case when t.total > 1 then format(' and %s more', t.total - 1) else '' end
         ) end,
         case
           when t.rank > 20 then format('And %s more: autom alerts ls', t.total - 20)
           else format(
             '%s: %s, %s%s%s',
             case t.news when 'opened' then upper(t.severity)
               else 'OVER' end, t.rule, t.about, e'\n',
             case t.news
               when 'opened' then t.said || format(
                 ' Since %s UTC. Silence it: autom alerts silence %s --until 2h',
                 to_char(t.first_seen at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), t.alert_id
               )
               else format('It lasted %s min.',
                           ceil(extract(epoch from t.last_seen - t.first_seen) / 60))
             end
           )
         end
  from told as t
  where t.rank <= 21;
$$;

comment on function jobs._alert_lines is
  'What a delivery has to say: a line for each of the first 20 notices, one for all others, and '
  'the title in the first.';
