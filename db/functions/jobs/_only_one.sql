create or replace function jobs._only_one(p_queue text)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '50ms'
as $$
begin
  perform pg_advisory_xact_lock(77, hashtext(p_queue));
  return true;
exception
  when lock_not_available then
    return false;
end;
$$;

comment on function jobs._only_one is
  'Be the only one who claims of a queue, to the end of the transaction; false if another does not
get done with it.';
