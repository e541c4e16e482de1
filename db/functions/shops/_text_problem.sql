create or replace function shops._text_problem(p_answer jsonb, p_told text)
returns text
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
-- plpgsql keeps its plans; sql would plan anew for every job.
as $$
begin
  return (
    select case
      when p_answer ->> 'refusal' is not null then 'The model refused: ' || (p_answer ->> 'refusal')
      when p_answer ->> 'invalid' is not null
        then 'The answer is not in its form: ' || (p_answer ->> 'invalid')
      when jsonb_typeof(a.answer) is distinct from 'object' then 'There is no answer.'
      when jsonb_typeof(a.answer -> 'title') is distinct from 'string' or a.title = ''
        then 'The title is empty.'
      when length(a.title) > 70
        then format('The title has %s characters; 70 are allowed.', length(a.title))
      when jsonb_typeof(a.answer -> 'description') is distinct from 'string' or a.description = ''
        then 'The description is empty.'
      when a.words > 200 then format('The description has %s words; 200 are allowed.', a.words)
      when a.invented is not null
        then format('The text states "%s", which nobody told.', a.invented)
    end
    from (
      select b.answer, b.title, b.description,
             (select count(*) from regexp_split_to_table(b.description, '\s+')) as words,
             (
               select min(f.fact[1])
               from regexp_matches(
                 lower(b.title || ' ' || b.description),
                 '\m(\d+(?:[.,]\d+)?\s*(?:cm|mm|inch(?:es)?|kg|oz|ml)|\d+\s*% '
                 '[a-zäöü]+|cotton|baumwolle|polyester|leather|leder|ceramic|keramik|porcelain|'
                 'porzellan)\M',
                 'g'
               ) as f (fact)
               where position(f.fact[1] in lower(p_told)) = 0
             ) as invented
      from (
        select p_answer -> 'output',
               btrim(p_answer #>> '{output,title}'),
               btrim(p_answer #>> '{output,description}')
      ) as b (answer, title, description)
    ) as a
  );
end;
$$;

comment on function shops._text_problem is
  'What is wrong with a model''s text, in one sentence, or null: a refusal, another form, an '
  'empty or overlong title (70 characters) or description (200 words), or a size or material that '
  'is not in p_told, what the model was told.';
