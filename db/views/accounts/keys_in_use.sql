create or replace view accounts.keys_in_use with (security_invoker = true) as
select s.key_id, count(*) as secrets, min(s.stored_at) as oldest, max(s.stored_at) as newest
from accounts.secrets as s
group by s.key_id;

comment on view accounts.keys_in_use is
  'Which keys of AUTOM_SECRET_KEYS sealed how many secrets. A key that is not here may be taken '
  'out of the setting.';
