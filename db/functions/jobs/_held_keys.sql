create or replace function jobs._held_keys(
  p_kind        text,
  p_unique_keys text[],
  p_ask         boolean
)
returns table (unique_key text, job_id bigint)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_asked bigint[];
  v_still bigint[];
begin
  -- Claims tell nobody that a key is free from then on. Whoever waits unclaimed is locked, so it
  -- is not claimed before this transaction has ended, and then sees what it did.
  if p_ask then
    select array_agg(u.job_id)
    from jobs.unique_keys as u
    where u.kind = p_kind and u.unique_key = any (p_unique_keys)
      and u.until_claimed and (u.until is null or u.until <= jobs.clock())
    into v_asked;
    if v_asked is not null then
      v_still := jobs._stand_still(v_asked);
    end if;
  end if;

  return query
  select u.unique_key, u.job_id
  from jobs.unique_keys as u
  where u.kind = p_kind and u.unique_key = any (p_unique_keys)
    and case
      when u.until > jobs.clock() then true
      when u.until_claimed then u.job_id in (select s.job_id from unnest(v_still) as s (job_id))
      when u.until is null
        and not exists (select from jobs.unfreed_keys as f where f.job_id = u.job_id) then true
      else not jobs._ended(u.job_id)
    end;
end;
$$;

comment on function jobs._held_keys is
  'Which of these unique keys somebody holds, and who. One that is held until its job is claimed
counts only with p_ask, which has that job stand still; the caller then holds the key, or asks for
no other.';
