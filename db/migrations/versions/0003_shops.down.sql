drop schema shops cascade;
