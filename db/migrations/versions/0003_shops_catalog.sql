create schema shops;
comment on schema shops is 'Print-on-demand shops: niches, products, publications, sales, winners.';
