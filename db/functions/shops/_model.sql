create or replace function shops._model(p_user_id uuid, p_shop_id uuid, p_task text)
returns table (model text, quality text)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- plpgsql keeps its plans; sql would plan anew for every job.
as $$
#variable_conflict use_column
begin
  return query
  select m.model, m.quality
  from shops.settings as t
  join shops.models as m
    on m.task = p_task
   and m.quality in (case p_task when 'image' then t.image_quality else 'any' end, 'any')
   and m.enabled
   and case
         when p_task = 'image' and t.image_model is not null then m.model = t.image_model
         when p_task = 'text' and t.text_model is not null then m.model = t.text_model
         else m.is_default
       end
  where t.user_id = p_user_id and t.shop_id = p_shop_id
  order by m.quality = 'any', m.model
  limit 1;
end;
$$;

comment on function shops._model is
  'The model that a shop uses for a task: the one its settings name, else the default; no row '
  'where that one is not enabled.';
