create or replace function jobs._silenced(p_rule text, p_about text)
returns boolean
language sql
stable
as $$
  select exists (
    select from jobs.alert_silences as s
    where s.rule = p_rule and s.about in (p_about, '') and s.until > jobs.clock()
  )
$$;

comment on function jobs._silenced is 'Somebody has asked not to be told of this for now.';
