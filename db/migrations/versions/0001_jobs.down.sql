drop schema jobs cascade;
alter default privileges grant execute on functions to public;
