-- What is sold: orders and their lines, how far they were read, and files of them.

-- Orders -----------------------------------------------------------------------------------------

create table shops.orders (
  user_id          uuid not null,
  shop_id          uuid not null,
  order_id         bigint generated always as identity,
  order_key        text not null,
  name             text not null,
  source           text not null,
  version          timestamptz not null,
  digest           bytea not null,
  financial_status text,
  currency         text,
  test             boolean not null,
  cancelled_at     timestamptz,
  created_at       timestamptz not null,
  primary key (user_id, shop_id, order_id),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id),
  constraint orders_happen_once unique (user_id, shop_id, order_key),
  constraint orders_source_is_known check (source in ('shop', 'file')),
  constraint orders_currency_is_three_capital_letters check (currency ~ '^[A-Z]{3}$')
);
comment on table shops.orders is
  'Orders as the shop tells them, each once, in the newest version that was seen.';
comment on column shops.orders.user_id is 'The tenant.';
comment on column shops.orders.shop_id is 'The shop that sold.';
comment on column shops.orders.order_id is 'The order.';
comment on column shops.orders.order_key is
  'Shopify''s id (gid://shopify/Order/…); the order''s name where a file tells no id.';
comment on column shops.orders.name is 'What the merchant calls it, like #1001.';
comment on column shops.orders.source is
  'shop: read from it; file: imported. What the shop says replaces what a file said.';
comment on column shops.orders.version is
  'When the shop last changed the order, or when the import of the file began. An older version '
  'changes nothing.';
comment on column shops.orders.digest is
  'SHA-256 of what was told: the same again changes nothing.';
comment on column shops.orders.financial_status is
  'As the shop says, in lower case: paid, refunded, …';
comment on column shops.orders.currency is
  'Currency of the order''s amounts; null: an order without a line.';
comment on column shops.orders.test is 'True: nobody paid, it does not count.';
comment on column shops.orders.cancelled_at is 'When it was cancelled; null: it was not.';
comment on column shops.orders.created_at is 'When the customer ordered: the day it counts for.';

create table shops.order_lines (
  user_id          uuid not null,
  shop_id          uuid not null,
  order_id         bigint not null,
  line_no          integer not null,
  product_id       bigint,
  quantity         integer not null,
  current_quantity integer not null,
  total            bigint not null,
  unit_price       bigint,
  created_at       timestamptz not null,
  cancelled_at     timestamptz,
  test             boolean not null,
  currency         text not null,
  line_gid         text,
  product_gid      text,
  sku              text,
  title            text,
  net_units        integer not null
    generated always
      as (case when test or cancelled_at is not null then 0 else current_quantity end) stored,
  primary key (user_id, shop_id, order_id, line_no),
  foreign key (user_id, shop_id, order_id)
    references shops.orders (user_id, shop_id, order_id) on delete cascade,
  foreign key (user_id, shop_id, product_id)
    references shops.products (user_id, shop_id, product_id),
  constraint order_lines_sell_something check (quantity > 0),
  constraint order_lines_keep_what_was_sold check (current_quantity between 0 and quantity),
  constraint order_lines_total_is_not_negative check (total >= 0),
  constraint order_lines_unit_price_is_not_negative check (unit_price >= 0)
);
-- Serves shops.windows (one product, one shop, all of them, without a look at the table) and the
-- foreign key to shops.products.
create index order_lines_product_idx
  on shops.order_lines (user_id, shop_id, product_id, created_at)
  include (quantity, net_units);
comment on table shops.order_lines is
  'The facts of sales: each line of each order once. Every number of units is a query over them; '
  'none is stored as a sum.';
comment on column shops.order_lines.user_id is 'The tenant.';
comment on column shops.order_lines.shop_id is 'The shop that sold.';
comment on column shops.order_lines.order_id is 'The order.';
comment on column shops.order_lines.line_no is 'Place in the order, from 1.';
comment on column shops.order_lines.product_id is
  'The product; null: not one of ours, or not known yet (shops._match_lines looks again after an '
  'import).';
comment on column shops.order_lines.quantity is 'Units ordered: gross.';
comment on column shops.order_lines.current_quantity is 'Units left after refunds and removals.';
comment on column shops.order_lines.total is
  'What the customer paid for the line after its discounts, in minor units of currency: 1250 is '
  '12.50.';
comment on column shops.order_lines.unit_price is
  'Price of one unit before discounts, in minor units; null: not told. The discount is quantity * '
  'unit_price - total.';
comment on column shops.order_lines.created_at is
  'When the customer ordered, as in shops.orders, for the index.';
comment on column shops.order_lines.cancelled_at is 'As in shops.orders.';
comment on column shops.order_lines.test is 'As in shops.orders.';
comment on column shops.order_lines.currency is 'Currency of total and unit_price.';
comment on column shops.order_lines.line_gid is 'Shopify''s id of the line; null: from a file.';
comment on column shops.order_lines.product_gid is
  'Shopify''s id of the product, as told; null: not told, or deleted in the shop.';
comment on column shops.order_lines.sku is 'Stock keeping unit, as told.';
comment on column shops.order_lines.title is 'What was sold, as told.';
comment on column shops.order_lines.net_units is
  'Units that count: current_quantity, and 0 where the order was cancelled or a test.';

create table shops.refunds (
  user_id   uuid not null,
  shop_id   uuid not null,
  order_id  bigint not null,
  refund_no integer not null,
  line_no   integer,
  units     integer not null,
  amount    bigint,
  currency  text not null,
  told_at   timestamptz not null,
  primary key (user_id, shop_id, order_id, refund_no),
  foreign key (user_id, shop_id, order_id)
    references shops.orders (user_id, shop_id, order_id) on delete cascade,
  constraint refunds_give_something_back
    check (units >= 0 and amount >= 0 and (units > 0 or amount > 0)),
  constraint refunds_of_units_name_the_line check (units = 0 or line_no is not null)
);
comment on table shops.refunds is
  'What went back to customers: units of a line, or an amount of a whole order where no line is '
  'told.';
comment on column shops.refunds.user_id is 'The tenant.';
comment on column shops.refunds.shop_id is 'The shop.';
comment on column shops.refunds.order_id is 'The order.';
comment on column shops.refunds.refund_no is 'Counts from 1 in the order.';
comment on column shops.refunds.line_no is 'The line; null: the amount is of the whole order.';
comment on column shops.refunds.units is
  'Units of the line that were refunded or taken out; 0 for an amount alone.';
comment on column shops.refunds.amount is 'Minor units of currency; null: not told.';
comment on column shops.refunds.currency is 'Currency of amount.';
comment on column shops.refunds.told_at is 'Version of the order that told it.';

-- How far the orders were read -------------------------------------------------------------------

create table shops.trackings (
  user_id        uuid not null,
  shop_id        uuid not null,
  read_up_to     timestamptz,
  imported_up_to timestamptz,
  complete_up_to timestamptz generated always as (greatest(read_up_to, imported_up_to)) stored,
  primary key (user_id, shop_id),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id) on delete cascade
);
comment on table shops.trackings is
  'How far the sales of a shop are known. No row, or null: not at all. Decisions need the whole '
  'of yesterday.';
comment on column shops.trackings.user_id is 'The tenant.';
comment on column shops.trackings.shop_id is 'The shop.';
comment on column shops.trackings.read_up_to is
  'Every change of an order before this moment was read from the shop: the next pass starts here. '
  'Moves only when every page of a pass has arrived.';
comment on column shops.trackings.imported_up_to is
  'End of the last day that an imported file covers.';
comment on column shops.trackings.complete_up_to is 'The later of the two.';

create table shops.order_passes (
  user_id       uuid not null,
  pass_id       bigint generated always as identity,
  shop_id       uuid not null,
  run_id        bigint,
  then_scale    boolean not null,
  updated_since timestamptz not null,
  state         text not null default 'reading',
  pages         integer not null default 0,
  orders        integer not null default 0,
  reason        text,
  started_at    timestamptz not null default jobs.clock(),
  ended_at      timestamptz,
  primary key (user_id, pass_id),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id) on delete cascade,
  constraint order_passes_are_named_once unique (pass_id),
  constraint order_passes_state_is_known check (state in ('reading', 'complete', 'failed')),
  constraint order_passes_failed_say_why check ((state = 'failed') = (reason is not null)),
  constraint order_passes_ended_have_a_time check ((state = 'reading') = (ended_at is null))
);
-- Serves the foreign key to shops.shops and the last pass of a shop.
create index order_passes_shop_idx on shops.order_passes (user_id, shop_id, pass_id desc);
-- One pass at a time reads a shop.
create unique index order_passes_read_one_by_one on shops.order_passes (user_id, shop_id)
  where state = 'reading';
comment on table shops.order_passes is
  'Each reading of a shop''s changed orders, page after page. Only a complete one moves '
  'shops.trackings.read_up_to.';
comment on column shops.order_passes.user_id is 'The tenant.';
comment on column shops.order_passes.pass_id is 'The pass.';
comment on column shops.order_passes.shop_id is 'The shop.';
comment on column shops.order_passes.run_id is
  'The run of jobs.runs that asked for it; null: a person did.';
comment on column shops.order_passes.then_scale is 'True: winners are decided when it is complete.';
comment on column shops.order_passes.updated_since is
  'Orders changed at or after this moment are read.';
comment on column shops.order_passes.state is 'reading, complete or failed.';
comment on column shops.order_passes.pages is 'Pages that arrived.';
comment on column shops.order_passes.orders is 'Orders on them.';
comment on column shops.order_passes.reason is 'Why it failed.';
comment on column shops.order_passes.started_at is
  'When it began: what changes later is for the next pass.';
comment on column shops.order_passes.ended_at is 'When it was complete or failed.';

-- Imports ----------------------------------------------------------------------------------------

create table shops.imports (
  user_id    uuid not null,
  import_id  bigint generated always as identity,
  shop_id    uuid not null,
  what       text not null,
  file       text not null,
  state      text not null default 'open',
  products   integer not null default 0,
  orders     integer not null default 0,
  lines      integer not null default 0,
  unmatched  integer not null default 0,
  rejected   integer not null default 0,
  first_day  date,
  last_day   date,
  begun_at   timestamptz not null default jobs.clock(),
  applied_at timestamptz,
  primary key (user_id, import_id),
  foreign key (user_id, shop_id) references shops.shops (user_id, shop_id) on delete cascade,
  constraint imports_are_named_once unique (import_id),
  constraint imports_are_of_something check (what in ('products', 'orders')),
  constraint imports_state_is_known check (state in ('open', 'applied')),
  constraint imports_applied_have_a_time check ((state = 'applied') = (applied_at is not null))
);
-- Serves the foreign key to shops.shops.
create index imports_shop_idx on shops.imports (user_id, shop_id);
comment on table shops.imports is
  'Files that a merchant brought from a shop''s admin, and what was read of them.';
comment on column shops.imports.user_id is 'The tenant.';
comment on column shops.imports.import_id is 'The import.';
comment on column shops.imports.shop_id is 'The shop that the file is of.';
comment on column shops.imports.what is 'products or orders.';
comment on column shops.imports.file is 'The file''s name.';
comment on column shops.imports.state is 'open while lines come in, applied after.';
comment on column shops.imports.products is 'Products in the file.';
comment on column shops.imports.orders is 'Orders in the file.';
comment on column shops.imports.lines is 'Order lines in the file, or variants of products.';
comment on column shops.imports.unmatched is
  'Order lines whose product is not known: they are kept and counted.';
comment on column shops.imports.rejected is
  'Lines of the file that could not be read: shops.import_rejects.';
comment on column shops.imports.first_day is
  'First day of the orders, in the shop''s time zone, after shifting.';
comment on column shops.imports.last_day is 'Last day of the orders.';
comment on column shops.imports.begun_at is 'When it began.';
comment on column shops.imports.applied_at is 'When it was applied.';

create table shops.import_lines (
  user_id   uuid not null,
  import_id bigint not null,
  line_no   integer not null,
  cells     jsonb not null,
  primary key (user_id, import_id, line_no),
  foreign key (user_id, import_id) references shops.imports (user_id, import_id) on delete cascade,
  constraint import_lines_are_cells_by_column check (jsonb_typeof(cells) = 'object')
);
comment on table shops.import_lines is 'The lines of a file until it is applied.';
comment on column shops.import_lines.user_id is 'The tenant.';
comment on column shops.import_lines.import_id is 'The import.';
comment on column shops.import_lines.line_no is 'Line of the file, from 1; the header is 1.';
comment on column shops.import_lines.cells is 'The text of each column by its header.';

create table shops.import_rejects (
  user_id   uuid not null,
  import_id bigint not null,
  line_no   integer not null,
  reason    text not null,
  cells     jsonb not null,
  primary key (user_id, import_id, line_no),
  foreign key (user_id, import_id) references shops.imports (user_id, import_id) on delete cascade
);
comment on table shops.import_rejects is
  'Lines of imported files that could not be read, and why; all others were taken.';
comment on column shops.import_rejects.user_id is 'The tenant.';
comment on column shops.import_rejects.import_id is 'The import.';
comment on column shops.import_rejects.line_no is 'Line of the file, from 1; the header is 1.';
comment on column shops.import_rejects.reason is 'What is wrong with it.';
comment on column shops.import_rejects.cells is 'What it says.';

create table shops.variants (
  user_id     uuid not null,
  shop_id     uuid not null,
  product_id  bigint not null,
  variant_no  integer not null,
  sku         text,
  title       text,
  price_minor bigint,
  primary key (user_id, shop_id, product_id, variant_no),
  foreign key (user_id, shop_id, product_id)
    references shops.products (user_id, shop_id, product_id) on delete cascade,
  constraint variants_price_is_not_negative check (price_minor >= 0)
);
-- Serves shops._match.
create index variants_sku_idx on shops.variants (user_id, shop_id, sku);
-- Serves shops._match, for lines of orders that tell no Shopify id.
create index products_sku_idx on shops.products (user_id, shop_id, sku);
-- Serves shops._match, for lines that tell no stock keeping unit either.
create index products_title_idx on shops.products (user_id, shop_id, title);
comment on table shops.variants is
  'Variants of imported products, by which the lines of orders find them.';
comment on column shops.variants.user_id is 'The tenant.';
comment on column shops.variants.shop_id is 'The shop.';
comment on column shops.variants.product_id is 'The product.';
comment on column shops.variants.variant_no is 'Place in the product, from 1.';
comment on column shops.variants.sku is 'Stock keeping unit.';
comment on column shops.variants.title is 'Its options, like "Small / Red"; null: the only one.';
comment on column shops.variants.price_minor is 'Price in minor units of the product''s currency.';

-- A shop has one owner. Told so, the planner knows that a shop's rows are many and not one, and
-- takes the index that names what is looked for.
create statistics shops.products_of_a_shop (dependencies) on user_id, shop_id from shops.products;
create statistics shops.orders_of_a_shop (dependencies) on user_id, shop_id from shops.orders;
create statistics shops.order_lines_of_a_shop (dependencies) on user_id,
  shop_id from shops.order_lines;
comment on statistics shops.products_of_a_shop is 'shop_id tells user_id.';
comment on statistics shops.orders_of_a_shop is 'shop_id tells user_id.';
comment on statistics shops.order_lines_of_a_shop is 'shop_id tells user_id.';
