create or replace function jobs._make_rounds(p_limit integer)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_from bigint := (select l.last_value from jobs.last_parked as l);
  v_some bigint[];
begin
  perform jobs._answer(array(
    select a.job_id from jobs.awaits as a
    where a.until <= jobs.clock()
    order by a.until
    limit p_limit
  ));
  v_some := array(
    select p.job_id from jobs.parked as p where p.job_id > v_from order by p.job_id limit p_limit
  );
  -- After the last one the next round begins.
  if cardinality(v_some) < p_limit then
    perform setval('jobs.last_parked', 0);
  else
    perform setval('jobs.last_parked', v_some[p_limit]);
  end if;
  if cardinality(v_some) = 0 then
    return 0;
  end if;
  perform jobs._look_after(v_some);
  perform jobs._answer(v_some);
  return (
    select count(*) from unnest(v_some) as s (job_id)
    where not exists (select from jobs.parked as p where p.job_id = s.job_id)
  );
end;
$$;

comment on function jobs._make_rounds is
  'Look after the next p_limit parked jobs, around from the beginning after the last; returns how
many need not be parked any more. What was missed when it happened is found here.';
