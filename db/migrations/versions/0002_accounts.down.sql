delete from jobs.alert_rules as r where r.function like 'accounts.%';
delete from jobs.schedules as s where s.function like 'accounts.%';
delete from jobs.kinds as k where k.kind like 'accounts.%';
delete from jobs.queues as q where q.queue in ('openai', 'shopify', 'pinterest');
drop schema accounts cascade;
