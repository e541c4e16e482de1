create or replace function jobs._note_chore(
  p_chore text,
  p_began timestamptz,
  p_did   integer,
  p_error text
)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  update jobs.chores as c
  set last_at = jobs.clock(), took = clock_timestamp() - p_began, did = p_did, error = p_error
  where c.chore = p_chore
    -- What every tick does leaves a row only while it fails: a version a second would be too many.
    and (c.every is not null or c.error is distinct from p_error);
  if not found and p_error is not null then
    insert into jobs.chores (chore, last_at, took, did, error)
    values (p_chore, jobs.clock(), clock_timestamp() - p_began, p_did, p_error)
    on conflict do nothing;
  end if;
end;
$$;

comment on function jobs._note_chore is 'Remember how a part of jobs.tick went.';
