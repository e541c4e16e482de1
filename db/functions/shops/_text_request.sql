create or replace function shops._text_request(p_language text, p_input text)
returns jsonb
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'instructions', format(
      'You write the texts of an online shop that sells printed designs. Language (ISO 639-1): %s. '
      'The title has at most 70 characters. The description has at most 200 words of plain text. '
      'Give 3 to 10 short tags. State no size, material, price or delivery that you were not told.',
      p_language
    ),
    'input', p_input,
    'schema_name', 'product_text',
    'schema', jsonb_build_object(
      'type', 'object',
      'properties', jsonb_build_object(
        'title', jsonb_build_object('type', 'string'),
        'description', jsonb_build_object('type', 'string'),
        'tags', jsonb_build_object('type', 'array', 'items', jsonb_build_object('type', 'string'))
      ),
      'required', jsonb_build_array('title', 'description', 'tags'),
      'additionalProperties', false
    )
  );
$$;

comment on function shops._text_request is
  'What a text model is asked: the shop''s rules, the input, and the schema that its answer has.';
