create or replace function jobs._hand_on(p_job_ids bigint[])
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  update jobs.jobs as j
  set payload = j.payload || jsonb_build_object('parents', r.parents)
  from (
    select p.job_id,
           jsonb_agg(jsonb_build_object('job_id', p.parent_id, 'kind', p.kind, 'state', p.state,
                                        'result', p.result)
                     order by p.parent_id) as parents
    from unnest(p_job_ids) as n (job_id)
    join jobs.parents as p on p.job_id = n.job_id
    group by p.job_id
    having count(*) <= 100
  ) as r
  where j.job_id = r.job_id and jsonb_typeof(j.payload) = 'object';
$$;

comment on function jobs._hand_on is
  'Write what the parents of these jobs ended with into their payloads, as "parents". Of more than a
hundred it would be too much; then the job asks jobs.parents itself.';
