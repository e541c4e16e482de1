create schema accounts;
comment on schema accounts is 'Users, plans, subscriptions, connections to outside services.';
