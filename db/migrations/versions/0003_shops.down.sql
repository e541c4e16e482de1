delete from jobs.schedules as s where s.function like 'shops.%';
delete from jobs.kinds as k where k.kind like 'shops.%';
delete from jobs.limits as l where l.queue in ('openai', 'shopify', 'pinterest');
drop schema shops cascade;
