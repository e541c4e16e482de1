create or replace function shops._slug(p_name text)
returns text
language sql
immutable
strict
parallel safe
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    nullif(
      trim('-' from regexp_replace(
        translate(
          replace(replace(replace(replace(lower(p_name), 'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'ß',
            'ss'),
          'àáâãåçèéêëìíîïñòóôõøùúûýÿ', 'aaaaaceeeeiiiinooooouuuyy'
        ),
        '[^a-z0-9]+', '-', 'g'
      )),
      ''
    ),
    -- A name without a Latin letter still needs a handle.
    'n' || substr(encode(sha256(convert_to(p_name, 'UTF8')), 'hex'), 1, 8)
  );
$$;

comment on function shops._slug is 'A name as it may stand in a link: "Käse & Brot" is kaese-brot.';
