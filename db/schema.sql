--
-- PostgreSQL database dump
--

\restrict x


SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: accounts; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA accounts;


--
-- Name: SCHEMA accounts; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA accounts IS 'Users, plans, subscriptions, connections to outside services, sealed secrets. Knows only jobs.';


--
-- Name: autom; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA autom;


--
-- Name: SCHEMA autom; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA autom IS 'Bookkeeping of upgrades: the revision and the code that are in place.';


--
-- Name: jobs; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA jobs;


--
-- Name: SCHEMA jobs; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA jobs IS 'The kernel: queue, schedules, runs, limits, clock.';


--
-- Name: shops; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA shops;


--
-- Name: SCHEMA shops; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA shops IS 'Shop automation: settings, niches, prompts, products and their pipeline, quotas, pins, sales and winners.';


--
-- Name: alert_tokens_ending(double precision, interval); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.alert_tokens_ending(p_bound double precision, p_span interval) RETURNS TABLE(about text, said text, times bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select format('%s %s', c.service, c.account),
         format('The refresh token of %s %s ends on %s: connect it again before.', c.service,
                c.account, to_char(c.refresh_expires_at at time zone 'UTC', 'YYYY-MM-DD')),
         count(*) over (partition by c.service, c.account)
  from accounts.connections as c
  join accounts.services as s on s.service = c.service
  where c.state <> 'revoked' and c.refresh_expires_at <= jobs.clock() + s.alert_before + p_span;
$$;


--
-- Name: FUNCTION alert_tokens_ending(p_bound double precision, p_span interval); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.alert_tokens_ending(p_bound double precision, p_span interval) IS 'Rule for jobs.alert_rules: a refresh token ends within accounts.services.alert_before and p_span,
so that a person has to connect the account again.';


--
-- Name: check(uuid); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts."check"(p_connection_id uuid) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid;
  v_kind    text;
begin
  select c.user_id, v.check_kind into v_user_id, v_kind
  from accounts.connections as c
  join accounts.services as v on v.service = c.service
  where c.connection_id = p_connection_id;
  if not found then
    raise exception using
      errcode = 'US006',
      message = 'No such connection.',
      detail  = format('connection_id=%s', p_connection_id),
      hint    = 'select * from accounts.connections_status;';
  end if;
  return jobs.enqueue(
    p_kind       := v_kind,
    p_payload    := jsonb_build_object('connection_id', p_connection_id),
    p_key        := p_connection_id::text,
    p_tenant     := v_user_id,
    p_unique_key := format('connection=%s', p_connection_id)
  );
end;
$$;


--
-- Name: FUNCTION "check"(p_connection_id uuid); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts."check"(p_connection_id uuid) IS 'Ask for a test of the connection by one small call; return the job_id (that of the test under way, if there is one). Its result is in accounts.connections_status. US006: no such connection.';


--
-- Name: create_user(text, text, uuid); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.create_user(p_email text, p_name text DEFAULT NULL::text, p_user_id uuid DEFAULT NULL::uuid) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid;
begin
  insert into accounts.users (user_id, email, name)
  values (coalesce(p_user_id, gen_random_uuid()), lower(p_email), p_name)
  on conflict do nothing
  returning users.user_id into v_user_id;
  if v_user_id is null then
    raise exception using
      errcode = 'US001',
      message = 'This user exists already.',
      detail  = format('email=%s user_id=%s', p_email, p_user_id),
      hint    = 'select * from accounts.overview;';
  end if;
  return v_user_id;
end;
$$;


--
-- Name: FUNCTION create_user(p_email text, p_name text, p_user_id uuid); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.create_user(p_email text, p_name text, p_user_id uuid) IS 'Make a user (a tenant) and return its user_id. p_user_id takes over an id that exists elsewhere, such as the one of an identity provider. The e-mail address is kept in lower case. US001: the address or the id is taken.';


--
-- Name: credentials(uuid); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.credentials(p_connection_id uuid) RETURNS TABLE(connection_id uuid, user_id uuid, service text, account text, base_url text, api_version text, client_id text, access text, refresh text, client_secret text, scopes text[], expires_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select c.connection_id,
         c.user_id,
         c.service,
         c.account,
         replace(coalesce(c.base_url, v.base_url), '{account}', c.account),
         v.api_version,
         c.client_id,
         s.access,
         s.refresh,
         s.client_secret,
         c.scopes,
         c.expires_at
  from accounts.connections as c
  join accounts.services as v on v.service = c.service
  cross join lateral (
    select max(k.sealed) filter (where k.field = 'access')        as access,
           max(k.sealed) filter (where k.field = 'refresh')       as refresh,
           max(k.sealed) filter (where k.field = 'client_secret') as client_secret
    from accounts.secrets as k
    where k.user_id = c.user_id and k.connection_id = c.connection_id
  ) as s
  where c.connection_id = p_connection_id and c.state <> 'revoked';
$$;


--
-- Name: FUNCTION credentials(p_connection_id uuid); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.credentials(p_connection_id uuid) IS 'What a worker needs to call as this connection: where, and the sealed tokens, which only a holder of AUTOM_SECRET_KEYS can open. No row: there is no such connection, or it was disconnected.';


--
-- Name: current_user_id(); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.current_user_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
  select (nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb
    ->> 'sub')::uuid;
$$;


--
-- Name: FUNCTION current_user_id(); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.current_user_id() IS 'The caller: "sub" of the verified token that the edge puts into request.jwt.claims; null when nobody is known. A "sub" that is no uuid is an error. Policies call it in a sub-select, so that it runs once a query.';


--
-- Name: disconnect(uuid); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.disconnect(p_connection_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update accounts.connections as c
  set state = 'revoked', scopes = null, expires_at = null, refresh_expires_at = null
  where c.connection_id = p_connection_id;
  if not found then
    raise exception using
      errcode = 'US006',
      message = 'No such connection.',
      detail  = format('connection_id=%s', p_connection_id),
      hint    = 'select * from accounts.connections_status;';
  end if;
  delete from accounts.secrets as s where s.connection_id = p_connection_id;
end;
$$;


--
-- Name: FUNCTION disconnect(p_connection_id uuid); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.disconnect(p_connection_id uuid) IS 'Forget the tokens of a connection and mark it revoked. The row stays, so that what was done through it can be told; accounts.store_tokens connects it again. US006: no such connection.';


--
-- Name: note_call(uuid, boolean, text); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.note_call(p_connection_id uuid, p_ok boolean, p_error text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  -- A service that turns a request away has accepted the token it came with.
  v_ok         boolean := p_ok or p_error ~ '^(throttled|not_found|invalid_request)\M';
  v_renewable  boolean;
  v_renewed_at timestamptz;
begin
  update accounts.connections as c
  set last_good_call_at = case when v_ok then jobs.clock() else c.last_good_call_at end,
      last_error        = case when v_ok then c.last_error
        else left(coalesce(p_error, 'unknown error'), 500) end,
      last_error_at     = case when v_ok then c.last_error_at else jobs.clock() end
  where c.connection_id = p_connection_id
    -- A thousand good calls a minute are one write.
    and (
      v_ok is not true
      or c.last_good_call_at is null
      or c.last_good_call_at < jobs.clock() - interval '1 minute'
      or c.last_error_at >= c.last_good_call_at
    );

  if p_error ~ '^unauthorized\M' and not p_ok then
    select coalesce(bool_or(k.field = s.refresh_with), false),
           max(k.stored_at) filter (where k.field = 'access')
    into v_renewable, v_renewed_at
    from accounts.connections as c
    join accounts.services as s on s.service = c.service
    join accounts.secrets as k on k.user_id = c.user_id and k.connection_id = c.connection_id
    where c.connection_id = p_connection_id;

    if not v_renewable then
      update accounts.connections as c
      set state = 'expired'
      where c.connection_id = p_connection_id and c.state = 'connected';
    -- The refusal of a token that was replaced a moment ago says nothing about its successor.
    elsif v_renewed_at < jobs.clock() - interval '10 minutes' then
      perform accounts.refresh(p_connection_id);
    end if;
  end if;
end;
$$;


--
-- Name: FUNCTION note_call(p_connection_id uuid, p_ok boolean, p_error text); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.note_call(p_connection_id uuid, p_ok boolean, p_error text) IS 'Note how a call through this connection ended; p_error is "<code>: <reason>" and holds no secret, 500 characters of it are kept. Good calls are noted at most once a minute, except the first after an error. A refusal that is not about the token (throttled, not_found, invalid_request) counts as good. A token that is refused (unauthorized) is renewed where it can be; else the connection is expired.';


--
-- Name: open_connection(uuid, text, text, text, text); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.open_connection(p_user_id uuid, p_service text, p_account text, p_base_url text DEFAULT NULL::text, p_client_id text DEFAULT NULL::text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_pattern       text;
  v_connection_id uuid;
begin
  if not exists (select from accounts.users as u where u.user_id = p_user_id) then
    raise exception using
      errcode = 'US002',
      message = 'No such user.',
      detail  = format('user_id=%s', p_user_id);
  end if;

  select s.account_pattern into v_pattern from accounts.services as s where s.service = p_service;
  if v_pattern is null then
    raise exception using
      errcode = 'US004',
      message = 'No such service.',
      detail  = format('service=%s', p_service),
      hint    = 'select service from accounts.services;';
  end if;

  -- The account becomes part of the address that the tokens are sent to.
  if p_base_url is null and p_account !~ v_pattern then
    raise exception using
      errcode = 'US005',
      message = 'This is no account of that service.',
      detail  = format('service=%s account=%s pattern=%s', p_service, p_account, v_pattern),
      hint    = 'Shopify: the shop''s own domain, such as acme.myshopify.com.';
  end if;

  insert into accounts.connections as c (user_id, service, account, base_url, client_id)
  values (p_user_id, p_service, p_account, p_base_url, p_client_id)
  on conflict on constraint connections_happen_once do update
    set base_url  = coalesce(excluded.base_url, c.base_url),
        client_id = coalesce(excluded.client_id, c.client_id)
  returning c.connection_id into v_connection_id;
  return v_connection_id;
end;
$$;


--
-- Name: FUNCTION open_connection(p_user_id uuid, p_service text, p_account text, p_base_url text, p_client_id text); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.open_connection(p_user_id uuid, p_service text, p_account text, p_base_url text, p_client_id text) IS 'Make the connection of a user to an account of a service, without tokens yet (state pending), and return its connection_id. The same user, service and account give the same id; a base_url or client_id that is given replaces the old one. US002: no such user. US004: no such service. US005: not an account name of that service.';


--
-- Name: prepare_check(bigint, jsonb, boolean); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.prepare_check(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case
    when c.connection_id is null then jsonb_build_object('give_up', 'The connection is gone.')
    when c.state = 'revoked' then jsonb_build_object('skip', 'The connection is disconnected.')
    when not exists (
      select from accounts.secrets as k
      where k.user_id = c.user_id and k.connection_id = c.connection_id and k.field = 'access'
    ) then jsonb_build_object('give_up', 'The connection has no access token yet.')
    else jsonb_build_object('request', jsonb_build_object(), 'connection_id', c.connection_id)
  end
  from (select (p_payload ->> 'connection_id')::uuid as connection_id) as asked
  left join accounts.connections as c on c.connection_id = asked.connection_id;
$$;


--
-- Name: FUNCTION prepare_check(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.prepare_check(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares the kinds accounts.check_*. Payload: {"connection_id"}. Reading twice harms nobody, so p_maybe_sent is not looked at.';


--
-- Name: prepare_refresh(bigint, jsonb, boolean); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.prepare_refresh(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_connection_id uuid        := (p_payload ->> 'connection_id')::uuid;
  v_asked_at      timestamptz := (p_payload ->> 'asked_at')::timestamptz;
  v_connection    record;
  v_secrets       record;
begin
  -- Pinterest's refresh token is spent by its first use: whoever came second would be left with
  -- none. So all who would renew a connection take turns at its row, and the second sees what the
  -- first did.
  select c.user_id, c.state, c.refresh_job_id, c.refresh_until, s.refresh_with
  into v_connection
  from accounts.connections as c
  join accounts.services as s on s.service = c.service
  where c.connection_id = v_connection_id
  for no key update of c;

  if not found then
    return jsonb_build_object('give_up', 'The connection is gone.');
  elsif v_connection.state = 'revoked' then
    return jsonb_build_object('skip', 'The connection is disconnected.');
  elsif v_connection.refresh_job_id <> p_job_id and v_connection.refresh_until > jobs.clock() then
    return jsonb_build_object('skip',
      format('Job %s is renewing it.', v_connection.refresh_job_id));
  end if;

  select bool_or(k.field = v_connection.refresh_with) as renewable,
         max(k.stored_at) filter (where k.field = 'access') as renewed_at
  into v_secrets
  from accounts.secrets as k
  where k.user_id = v_connection.user_id and k.connection_id = v_connection_id;

  if v_secrets.renewed_at >= v_asked_at then
    return jsonb_build_object('skip', 'It was renewed after this was asked for.');
  elsif v_secrets.renewable is not true then
    return jsonb_build_object('give_up', 'There is nothing to renew it with: connect it again.');
  end if;

  update accounts.connections as c
  set refresh_job_id = p_job_id, refresh_until = jobs.clock() + interval '10 minutes'
  where c.user_id = v_connection.user_id and c.connection_id = v_connection_id;
  return jsonb_build_object('request', jsonb_build_object(), 'connection_id', v_connection_id);
end;
$$;


--
-- Name: FUNCTION prepare_refresh(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.prepare_refresh(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares the kinds accounts.refresh_*. Payload: {"connection_id", "asked_at"}. Single flight: of all jobs that would renew a connection one goes out; the others are skipped, and so is one that a renewal since asked_at has answered. After an unknown outcome (p_maybe_sent) it is tried again with what we have, the only way there is.';


--
-- Name: protect(text); Type: PROCEDURE; Schema: accounts; Owner: -
--

CREATE PROCEDURE accounts.protect(IN p_schema text)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_table  record;
  v_policy name;
begin
  for v_table in
    select c.oid, c.relname, c.oid::regclass as name
    from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped
    where c.relnamespace = p_schema::regnamespace and c.relkind in ('r', 'p')
    order by c.relname
  loop
    execute format('alter table %s enable row level security', v_table.name);
    execute format('alter table %s force row level security', v_table.name);

    for v_policy in select p.polname from pg_policy as p where p.polrelid = v_table.oid loop
      execute format('drop policy %I on %s', v_policy, v_table.name);
    end loop;

    -- Forced row security binds the owner too, and with it every security definer function.
    execute format(
      'create policy %I on %s to current_user using (true) with check (true)',
      v_table.relname || '_owner', v_table.name
    );
    execute format('grant select on %s to autom_operator, autom_reader, service_role',
      v_table.name);
    execute format(
      'create policy %I on %s for select to autom_operator, autom_reader, service_role'
      ' using (true)',
      v_table.relname || '_staff', v_table.name
    );
    execute format(
      'create policy %I on %s for select to authenticated, autom_web'
      ' using (user_id = (select accounts.current_user_id()))',
      v_table.relname || '_own', v_table.name
    );
  end loop;
end;
$$;


--
-- Name: PROCEDURE protect(IN p_schema text); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON PROCEDURE accounts.protect(IN p_schema text) IS 'Gives every table of the schema that has a user_id its row security, forced: the owner does all, staff (autom_operator, autom_reader, service_role) reads all and is granted it, a tenant (authenticated, autom_web) reads his own rows of what he is granted, everyone else reaches none. Called first by db/policies/<schema>.sql, which then says what tenants may read and write, and what staff may not.';


--
-- Name: refresh(uuid); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.refresh(p_connection_id uuid) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid;
  v_service text;
  v_kind    text;
begin
  select c.user_id, c.service, s.refresh_kind into v_user_id, v_service, v_kind
  from accounts.connections as c
  join accounts.services as s on s.service = c.service
  where c.connection_id = p_connection_id;
  if not found then
    raise exception using
      errcode = 'US006',
      message = 'No such connection.',
      detail  = format('connection_id=%s', p_connection_id),
      hint    = 'select * from accounts.connections_status;';
  end if;
  if v_kind is null then
    raise exception using
      errcode = 'US007',
      message = 'Tokens of this service are not renewed.',
      detail  = format('connection_id=%s service=%s', p_connection_id, v_service),
      hint    = 'Store a new token.';
  end if;
  return jobs.enqueue(
    p_kind       := v_kind,
    p_payload    := jsonb_build_object('connection_id', p_connection_id, 'asked_at', jobs.clock()),
    p_key        := p_connection_id::text,
    p_tenant     := v_user_id,
    p_unique_key := p_connection_id::text
  );
end;
$$;


--
-- Name: FUNCTION refresh(p_connection_id uuid); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.refresh(p_connection_id uuid) IS 'Ask for new tokens of a connection now; return the job_id (that of the renewal under way, if there is one). US006: no such connection. US007: the service''s tokens are not renewed.';


--
-- Name: refresh_connections(bigint); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.refresh_connections(p_run_id bigint) RETURNS TABLE(items integer, skipped integer, why text)
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with asked as (
    select jobs.enqueue_many(
      p_kind        := d.refresh_kind,
      p_payloads    := array_agg(jsonb_build_object('connection_id', d.connection_id, 'asked_at',
        jobs.clock()) order by d.connection_id),
      p_keys        := array_agg(d.connection_id::text order by d.connection_id),
      p_tenants     := array_agg(d.user_id order by d.connection_id),
      p_unique_keys := array_agg(d.connection_id::text order by d.connection_id)
    ) as job_ids
    from accounts.refresh_due as d
    group by d.refresh_kind
  )
  select coalesce(sum(cardinality(a.job_ids)), 0)::integer,
         0,
         case when count(*) = 0 then 'No access token is near its end.' end
  from asked as a;
$$;


--
-- Name: FUNCTION refresh_connections(p_run_id bigint); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.refresh_connections(p_run_id bigint) IS 'Schedule connection_refresh: one renewal for each row of accounts.refresh_due, in one statement.';


--
-- Name: reseal(uuid[], text[], text[], text[]); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.reseal(p_connection_ids uuid[], p_fields text[], p_old text[], p_new text[]) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with resealed as (
    update accounts.secrets as s
    set sealed = n.new
    from (
      select c.user_id, c.connection_id, r.field, r.old, r.new
      from unnest(p_connection_ids, p_fields, p_old, p_new) as r (connection_id, field, old, new)
      join accounts.connections as c on c.connection_id = r.connection_id
    ) as n
    where s.user_id = n.user_id
      and s.connection_id = n.connection_id
      and s.field = n.field
      -- A token that was renewed meanwhile is not the one that was sealed again.
      and s.sealed = n.old
    returning 1
  )
  select count(*)::integer from resealed;
$$;


--
-- Name: FUNCTION reseal(p_connection_ids uuid[], p_fields text[], p_old text[], p_new text[]); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.reseal(p_connection_ids uuid[], p_fields text[], p_old text[], p_new text[]) IS 'Replace sealed texts by the same secrets sealed with another key; return how many. The four arrays are read in step; a row that no longer holds p_old is left alone.';


--
-- Name: sealed_by_other_keys(text, integer, uuid, uuid, text); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.sealed_by_other_keys(p_key_id text, p_limit integer, p_after_user_id uuid DEFAULT NULL::uuid, p_after_connection_id uuid DEFAULT NULL::uuid, p_after_field text DEFAULT NULL::text) RETURNS TABLE(user_id uuid, connection_id uuid, field text, sealed text)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.user_id, s.connection_id, s.field, s.sealed
  from accounts.secrets as s
  where s.key_id <> p_key_id
    and (
      p_after_user_id is null
      or (s.user_id, s.connection_id, s.field) > (p_after_user_id, p_after_connection_id,
      p_after_field)
    )
  order by s.user_id, s.connection_id, s.field
  limit p_limit;
$$;


--
-- Name: FUNCTION sealed_by_other_keys(p_key_id text, p_limit integer, p_after_user_id uuid, p_after_connection_id uuid, p_after_field text); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.sealed_by_other_keys(p_key_id text, p_limit integer, p_after_user_id uuid, p_after_connection_id uuid, p_after_field text) IS 'A page of the secrets that another key than p_key_id sealed, after the row given; for the rotation (autom connect rotate-keys), which seals them again.';


--
-- Name: settle_check(bigint, jsonb, jsonb); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.settle_check(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_connection_id uuid := (p_payload ->> 'connection_id')::uuid;
begin
  if p_result ->> 'state' = 'done' then
    update accounts.connections as c
    set state             = case when c.state = 'expired' then 'connected' else c.state end,
        last_good_call_at = jobs.clock(),
        scopes            = case
          when jsonb_typeof(p_result #> '{answer,granted_scopes}') = 'array'
            then array(select jsonb_array_elements_text(p_result #> '{answer,granted_scopes}'))
          else c.scopes
        end
    where c.connection_id = v_connection_id;
  elsif p_result ->> 'state' = 'failed' then
    update accounts.connections as c
    set state         = case when p_result ->> 'code' = 'unauthorized' and c.state = 'connected'
      then 'expired' else c.state end,
        last_error    = left(coalesce(p_result ->> 'reason', 'unknown error'), 500),
        last_error_at = jobs.clock()
    where c.connection_id = v_connection_id;
  end if;
  return null;
end;
$$;


--
-- Name: FUNCTION settle_check(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.settle_check(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles the kinds accounts.check_*: keeps the granted scopes and the time of the good call, or the error; a token that the service refuses (unauthorized) makes the connection expired.';


--
-- Name: settle_refresh(bigint, jsonb, jsonb); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.settle_refresh(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_connection_id uuid  := (p_payload ->> 'connection_id')::uuid;
  v_answer        jsonb := p_result -> 'answer';
  v_state         text;
begin
  select c.state into v_state
  from accounts.connections as c
  where c.connection_id = v_connection_id
  for no key update;

  -- Whoever disconnected it meanwhile meant it: no answer brings it back.
  if p_result ->> 'state' = 'done' and v_state <> 'revoked' then
    if coalesce(v_answer ->> 'access', '') not like 'v1.%' then
      return jsonb_build_object('give_up', 'The answer has no sealed access token.');
    end if;
    perform accounts.store_tokens(
      p_connection_id      := v_connection_id,
      p_access             := v_answer ->> 'access',
      p_refresh            := v_answer ->> 'refresh',
      p_scopes             := case when jsonb_typeof(v_answer -> 'scopes') = 'array'
                                then array(select jsonb_array_elements_text(v_answer
                                  -> 'scopes')) end,
      p_expires_at         := jobs.clock()
        + make_interval(secs => (v_answer ->> 'expires_in')::double precision),
      p_refresh_expires_at := jobs.clock()
        + make_interval(secs => (v_answer ->> 'refresh_expires_in')::double precision)
    );
  elsif p_result ->> 'state' in ('failed', 'unknown') and v_state <> 'revoked' then
    update accounts.connections as c
    set state         = case when p_result ->> 'code' in ('unauthorized', 'invalid_request')
      then 'expired' else c.state end,
        last_error    = left(coalesce(p_result ->> 'reason', 'unknown error'), 500),
        last_error_at = jobs.clock()
    where c.connection_id = v_connection_id;
  end if;

  update accounts.connections as c
  set refresh_job_id = null, refresh_until = null
  where c.connection_id = v_connection_id and c.refresh_job_id = p_job_id;
  return null;
end;
$$;


--
-- Name: FUNCTION settle_refresh(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.settle_refresh(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles the kinds accounts.refresh_*. Answer: {"access", "refresh"?, "expires_in" and "refresh_expires_in" in seconds, "scopes"?}, the tokens sealed by the handler. When the service refuses the renewal for good, the connection is expired: a person must connect it again.';


--
-- Name: store_tokens(uuid, text, text, text, text[], timestamp with time zone, timestamp with time zone); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.store_tokens(p_connection_id uuid, p_access text, p_refresh text DEFAULT NULL::text, p_client_secret text DEFAULT NULL::text, p_scopes text[] DEFAULT NULL::text[], p_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_refresh_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid;
begin
  update accounts.connections as c
  set state              = case when p_access is not null then 'connected'
                                when c.state in ('expired', 'revoked') then 'pending'
                                else c.state end,
      scopes             = coalesce(p_scopes, c.scopes),
      expires_at         = case when p_access is not null then p_expires_at else c.expires_at end,
      refresh_expires_at = case when p_refresh is not null then p_refresh_expires_at
        else c.refresh_expires_at end
  where c.connection_id = p_connection_id
  returning c.user_id into v_user_id;
  if not found then
    raise exception using
      errcode = 'US006',
      message = 'No such connection.',
      detail  = format('connection_id=%s', p_connection_id),
      hint    = 'select * from accounts.connections_status;';
  end if;

  -- All tokens that came together are stored in one transaction: Pinterest's refresh token is worth
  -- nothing once it has been used.
  insert into accounts.secrets as s (user_id, connection_id, field, sealed)
  select v_user_id, p_connection_id, t.field, t.sealed
  from (values ('access', p_access), ('client_secret', p_client_secret), ('refresh', p_refresh))
    as t (field, sealed)
  where t.sealed is not null
  on conflict on constraint secrets_pkey do update
    set sealed = excluded.sealed, stored_at = excluded.stored_at;
end;
$$;


--
-- Name: FUNCTION store_tokens(p_connection_id uuid, p_access text, p_refresh text, p_client_secret text, p_scopes text[], p_expires_at timestamp with time zone, p_refresh_expires_at timestamp with time zone); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.store_tokens(p_connection_id uuid, p_access text, p_refresh text, p_client_secret text, p_scopes text[], p_expires_at timestamp with time zone, p_refresh_expires_at timestamp with time zone) IS 'Keep the sealed tokens of a connection and mark it connected (pending while there is no access token). A null keeps what is there; p_expires_at goes with p_access, p_refresh_expires_at with p_refresh, null = does not run out. Plain text is refused by the constraint secrets_are_never_plain_text. US006: no such connection.';


--
-- Name: subscribe(uuid, text, text, timestamp with time zone, timestamp with time zone); Type: FUNCTION; Schema: accounts; Owner: -
--

CREATE FUNCTION accounts.subscribe(p_user_id uuid, p_plan text, p_state text DEFAULT 'active'::text, p_period_start timestamp with time zone DEFAULT NULL::timestamp with time zone, p_period_end timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_subscription_id bigint;
begin
  -- Two subscribes of one user take turns here; the second sees what the first left.
  perform from accounts.users as u where u.user_id = p_user_id for no key update;
  if not found then
    raise exception using
      errcode = 'US002',
      message = 'No such user.',
      detail  = format('user_id=%s', p_user_id);
  end if;

  if p_state = 'canceled' then
    -- A late word about an old plan must not end the present one.
    update accounts.subscriptions as s
    set state = 'canceled', ended_at = jobs.clock(),
      period_end = coalesce(p_period_end, s.period_end)
    where s.user_id = p_user_id and s.plan = p_plan and s.state <> 'canceled';

    select max(s.subscription_id) into v_subscription_id
    from accounts.subscriptions as s
    where s.user_id = p_user_id and s.plan = p_plan;
    if v_subscription_id is null then
      raise exception using
        errcode = 'US003',
        message = 'The user has no such subscription.',
        detail  = format('user_id=%s plan=%s', p_user_id, p_plan);
    end if;
    return v_subscription_id;
  end if;

  update accounts.subscriptions as s
  set state = 'canceled', ended_at = jobs.clock()
  where s.user_id = p_user_id and s.plan <> p_plan and s.state <> 'canceled';

  update accounts.subscriptions as s
  set state        = p_state,
      period_start = coalesce(p_period_start, case when s.period_end <= jobs.clock()
        then jobs.clock() else s.period_start end),
      period_end   = coalesce(p_period_end, case when s.period_end > jobs.clock()
        then s.period_end end)
  where s.user_id = p_user_id and s.state <> 'canceled'
  returning s.subscription_id into v_subscription_id;
  if v_subscription_id is null then
    insert into accounts.subscriptions (user_id, plan, state, period_start, period_end)
    values (p_user_id, p_plan, p_state, coalesce(p_period_start, jobs.clock()), p_period_end)
    returning subscriptions.subscription_id into v_subscription_id;
  end if;
  return v_subscription_id;
end;
$$;


--
-- Name: FUNCTION subscribe(p_user_id uuid, p_plan text, p_state text, p_period_start timestamp with time zone, p_period_end timestamp with time zone); Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON FUNCTION accounts.subscribe(p_user_id uuid, p_plan text, p_state text, p_period_start timestamp with time zone, p_period_end timestamp with time zone) IS 'Say what the user''s subscription is now; return its id. The same plan is updated in place (a renewal, a payment past due), another plan ends the present one, ''canceled'' ends it at once. A period not given is kept while it runs; else it starts now and is open. Saying the same again changes nothing. US002: no such user. US003: nothing to cancel.';


--
-- Name: _alert_lines(bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._alert_lines(p_job_id bigint) RETURNS TABLE(alert_id bigint, news text, rank integer, title text, line text)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with told as (
    select a.alert_id, a.rule, a.severity, a.said, a.first_seen, a.last_seen, n.news,
           -- A title is one line, and not a long one.
           left(regexp_replace(a.about, '\s+', ' ', 'g'), 120) as about,
           count(*) over () as total,
           row_number() over (
             order by n.news,
                      array_position(array['critical', 'warning', 'info'], a.severity), a.alert_id
           )::integer as rank
    from jobs.alert_notices as n
    join jobs.alerts as a on a.alert_id = n.alert_id
    where n.job_id = p_job_id and n.ended_at is null
  )
  select t.alert_id, t.news, t.rank,
         case when t.rank = 1 then format(
           'AutoM: %s: %s, %s%s',
           case t.news when 'opened' then t.severity else 'over' end, t.rule, t.about,
           case when t.total > 1 then format(' and %s more', t.total - 1) else '' end
         ) end,
         case
           when t.rank > 20 then format('And %s more: autom alerts ls', t.total - 20)
           else format(
             '%s: %s, %s%s%s',
             case t.news when 'opened' then upper(t.severity)
               else 'OVER' end, t.rule, t.about, e'\n',
             case t.news
               when 'opened' then t.said || format(
                 ' Since %s UTC. Silence it: autom alerts silence %s --until 2h',
                 to_char(t.first_seen at time zone 'UTC', 'YYYY-MM-DD HH24:MI'), t.alert_id
               )
               else format('It lasted %s min.',
                           ceil(extract(epoch from t.last_seen - t.first_seen) / 60))
             end
           )
         end
  from told as t
  where t.rank <= 21;
$$;


--
-- Name: FUNCTION _alert_lines(p_job_id bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._alert_lines(p_job_id bigint) IS 'What a delivery has to say: a line for each of the first 20 notices, one for all others, and the title in the first.';


--
-- Name: _answer(bigint[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._answer(p_job_ids bigint[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_locked bigint[];
  v_told   bigint[];
begin
  -- Only who goes on is locked. Somebody cancels one just now, or answers it too: jobs.tick comes
  -- again.
  v_locked := array(
    select p.job_id from jobs.parked as p
    join jobs.awaits as a on a.job_id = p.job_id
    where p.job_id = any (p_job_ids)
      and (a.until <= jobs.clock() or exists (select from jobs.events as e where e.event = a.event))
    order by p.job_id
    for update of p skip locked
  );
  with told as (
    delete from jobs.awaits as a
    where a.job_id = any (v_locked)
      and (a.until <= jobs.clock() or exists (select from jobs.events as e where e.event = a.event))
    returning a.job_id, a.event
  ),
  kept as (
    insert into jobs.steps (job_id, step, begun_at, done_at, value)
    select t.job_id, 'event:' || t.event, jobs.clock(), jobs.clock(),
           case when e.event is null then jsonb_build_object('state', 'timed out')
                else jsonb_build_object('state', 'here', 'value', e.value) end
    from told as t
    left join jobs.events as e on e.event = t.event
  )
  select coalesce(array_agg(t.job_id), array[]::bigint[]) from told as t into v_told;
  return jobs._unpark(v_told);
end;
$$;


--
-- Name: FUNCTION _answer(p_job_ids bigint[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._answer(p_job_ids bigint[]) IS 'Let those of these jobs go on whose event has come or whose time is over; returns how many.';


--
-- Name: _claim_band(integer, text, integer, integer, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._claim_band(p_worker_id integer, p_queue text, p_priority integer, p_room integer, p_after_key text) RETURNS TABLE(job_id bigint, run_no integer, kind text, key text, payload jsonb, failures smallint)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_keys   text[];
  v_shares integer[];
  v_rates  double precision[];
  v_open   integer;
begin
  -- Whose turn it is: 64 keys, behind the one where the caller stopped (chr(1) makes the next text
  -- there can be), then around from the beginning.
  v_keys := array(
    select k
    from jobs._keys_in_line(p_queue, p_priority, coalesce(p_after_key || chr(1), ''), null, 64) as k
  );
  if p_after_key is not null and cardinality(v_keys) < 64 then
    v_keys := v_keys || array(
      select k from jobs._keys_in_line(p_queue, p_priority, '', p_after_key, 64) as k
    );
  end if;

  if v_keys = array[''] then
    -- Jobs without a key have no limits, and nobody to share with.
    v_shares := array[p_room];
  else
    v_keys := jobs._open_keys(p_queue, v_keys);
    -- A new statement, so what it counts includes all that the last holder of a lock committed.
    v_open := cardinality(v_keys);
    select array_agg(s.key), array_agg(s.share), array_agg(s.rate)
    from jobs._shares(p_queue, p_priority, v_keys, p_room) as s
    into v_keys, v_shares, v_rates;
    -- With room left for others, who got no share was denied one by a limit.
    if v_open > coalesce(cardinality(v_keys), 0)
      and p_room > (select coalesce(sum(s), 0) from unnest(v_shares) as s)
    then
      perform jobs._count('jobs.denied_keys', v_open - coalesce(cardinality(v_keys), 0));
    end if;
  end if;

  return query
  with heads as materialized (
    select h.*, s.rate
    from unnest(v_keys, v_shares, v_rates) as s (key, share, rate)
    cross join lateral (
      select r.ctid as address, r.*
      from jobs.ready as r
      where r.queue = p_queue and r.priority = p_priority and r.key = s.key
      order by r.seq
      limit s.share
      -- Others claim at the same time: each sees what the others left.
      for update skip locked
    ) as h
  ),
  taken as (
    -- They are locked and never updated, so their address holds.
    delete from jobs.ready as r where r.ctid = any (array(select h.address from heads as h))
  ),
  paid as (
    insert into jobs.buckets as b (queue, key, tat)
    select p_queue, h.key, jobs.clock() + make_interval(secs => count(*) / h.rate)
    from heads as h
    where h.rate is not null
    group by h.key, h.rate
    on conflict on constraint buckets_pkey do update
    set tat = greatest(b.tat, jobs.clock()) + (excluded.tat - jobs.clock())
  ),
  begun as (
    insert into jobs.running (
      job_id, run_id, started_at, deadline, worker_id, run_no, failures, priority, is_unique,
      settles, queue, kind, key
    )
    select h.job_id, h.run_id, jobs.clock(), jobs.clock() + k.timeout, p_worker_id, h.run_no + 1,
           h.failures, h.priority, h.is_unique, k.settle is not null, h.queue, h.kind, h.key
    from heads as h
    join jobs.kinds as k on k.kind = h.kind
  )
  select h.job_id, h.run_no + 1, h.kind, h.key, j.payload, h.failures
  from heads as h
  -- One by one, for then each looks into its own day only.
  cross join lateral (select j.payload from jobs.jobs as j where j.job_id = h.job_id offset 0) as j;
end;
$$;


--
-- Name: FUNCTION _claim_band(p_worker_id integer, p_queue text, p_priority integer, p_room integer, p_after_key text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._claim_band(p_worker_id integer, p_queue text, p_priority integer, p_room integer, p_after_key text) IS 'Claim up to p_room ready jobs of one priority, fairly across keys.';


--
-- Name: _count(regclass, bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._count(p_figure regclass, p_times bigint DEFAULT 1) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select count(nextval(p_figure)) from generate_series(1, p_times);
$$;


--
-- Name: FUNCTION _count(p_figure regclass, p_times bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._count(p_figure regclass, p_times bigint) IS 'Add to a figure of jobs.metrics that only grows. It is a sequence: what is rolled back counts.';


--
-- Name: _cron_field(text, integer, integer, text[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._cron_field(p_field text, p_low integer, p_high integer, p_names text[] DEFAULT '{}'::text[]) RETURNS integer[]
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_item   text;
  v_match  text[];
  v_from   integer;
  v_to     integer;
  v_step   integer;
  v_values integer[] := array[]::integer[];
begin
  foreach v_item in array string_to_array(lower(p_field), ',') loop
    v_match := regexp_match(v_item, '^(?:([*])|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?$');
    v_step := coalesce(v_match[4], '1')::integer;
    v_from := case when v_match[1] = '*' then p_low
      else jobs._cron_value(v_match[2], p_low, p_names) end;
    v_to := case
      when v_match[3] is not null then jobs._cron_value(v_match[3], p_low, p_names)
      -- 5/10 is "from 5 on, each 10", as in most crons.
      when v_match[1] = '*' or v_match[4] is not null then p_high
      else v_from
    end;
    if v_match is null or v_step < 1 or v_from is null or v_to is null
      or v_from < p_low or v_to > p_high or v_from > v_to
    then
      raise exception using
        errcode = 'JQ012',
        message = 'This is not a cron expression.',
        detail  = format('field=%s item=%s allowed=%s-%s', p_field, v_item, p_low, p_high),
        hint    = 'Five fields: minute hour day month weekday; each *, 5, 1-5, */10, 1,3 or a '
                  'name.';
    end if;
    v_values := v_values || array(select v from generate_series(v_from, v_to, v_step) as v);
  end loop;
  return array(select distinct v from unnest(v_values) as v order by v);
end;
$_$;


--
-- Name: FUNCTION _cron_field(p_field text, p_low integer, p_high integer, p_names text[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._cron_field(p_field text, p_low integer, p_high integer, p_names text[]) IS 'The values that one field of a cron expression stands for. Raises JQ012.';


--
-- Name: _cron_value(text, integer, text[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._cron_value(p_text text, p_low integer, p_names text[]) RETURNS integer
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select case
    when p_text ~ '^\d{1,4}$' then p_text::integer
    else p_low - 1 + array_position(p_names, p_text)
  end;
$_$;


--
-- Name: FUNCTION _cron_value(p_text text, p_low integer, p_names text[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._cron_value(p_text text, p_low integer, p_names text[]) IS 'A number, or a name by its place in p_names, the first of which is p_low; null if neither.';


--
-- Name: _decide(bigint[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._decide(p_job_ids bigint[]) RETURNS bigint[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_locked bigint[];
  v_free   bigint[] := array[]::bigint[];
  v_ended  bigint[] := array[]::bigint[];
  v_job    jobs.running;
  v_child  record;
begin
  -- Nobody waits here: a parent that ends in a long transaction would hold up all the others. Who
  -- is passed over is met by the next tick, which locks nobody who has to go on waiting.
  v_locked := array(
    select p.job_id from jobs.parked as p
    where p.job_id = any (p_job_ids)
      and exists (select from jobs.waits as w where w.job_id = p.job_id)
      and (
        not exists (select from jobs.waits as w where w.job_id = p.job_id and w.state is null)
        or exists (
          select from jobs.waits as w
          where w.job_id = p.job_id and w.policy = 'on_success' and w.state <> 'done'
        )
      )
    order by p.job_id
    for update skip locked
  );
  for v_child in
    select w.job_id, bool_and(w.state is not null) as is_over,
           min(w.parent_id) filter (where w.policy = 'on_success' and w.state <> 'done') as culprit,
           bool_or(w.policy = 'on_failure') as is_for_failure,
           bool_or(w.policy = 'on_failure' and w.state <> 'done') as has_failure
    from jobs.waits as w
    where w.job_id = any (v_locked)
    group by w.job_id
    order by w.job_id
  loop
    continue when v_child.culprit is null and not v_child.is_over;
    if v_child.culprit is null and (v_child.has_failure or not v_child.is_for_failure) then
      v_free := v_free || v_child.job_id;
      continue;
    end if;
    -- The unique key before the job, as in jobs.cancel; who changes its holder just now goes first.
    perform from jobs.unique_keys as u where u.job_id = v_child.job_id for update skip locked;
    continue when not found
      and exists (select from jobs.unique_keys as u where u.job_id = v_child.job_id);
    v_job := jobs._withdraw(v_child.job_id);
    v_job.run_no := v_job.run_no + 1;
    if v_child.culprit is not null then
      perform jobs._finish(
        v_job, 'cancelled', format('Job %s, which it waited for, is not done.', v_child.culprit),
        'parent', p_propagate => false
      );
    else
      perform jobs._finish(
        v_job, 'skipped', 'All jobs it waited for are done.', 'parent', p_propagate => false
      );
    end if;
    v_ended := v_ended || v_child.job_id;
  end loop;

  if cardinality(v_free) > 0 then
    perform jobs._hand_on(v_free);
    perform jobs._unpark(v_free);
  end if;
  return v_ended;
end;
$$;


--
-- Name: FUNCTION _decide(p_job_ids bigint[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._decide(p_job_ids bigint[]) IS 'What becomes of parked jobs that wait for others: those that need not wait any more get in line,
or are cancelled or skipped as their policies say; returns the latter two.';


--
-- Name: _drop_day(text, text, bigint[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._drop_day(p_what text, p_partition text, p_kept bigint[]) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '50ms'
    AS $_$
declare
  v_rows bigint;
begin
  -- To move so many would hold everybody up. The day stays whole until fewer are left.
  execute format(
    'select count(*) from (select from jobs.%I as d where d.job_id = any ($1) limit 20001) as d',
    p_partition
  )
  using p_kept
  into v_rows;
  if v_rows > 20000 then
    return null;
  end if;

  -- Who has been reading for a while, as a backup does, will go on: do not even ask. A prepared
  -- transaction has no process.
  if exists (
    select
    from pg_locks as l
    left join pg_stat_activity as a on a.pid = l.pid
    where l.relation in (format('jobs.%I', p_what)::regclass,
      format('jobs.%I', p_partition)::regclass,
                         format('jobs.%I', p_what || '_default')::regclass)
      and l.database = (select d.oid from pg_database as d where d.datname = current_database())
      and l.pid is distinct from pg_backend_pid()
      and (l.pid is null or a.xact_start < clock_timestamp() - interval '1 s')
  ) then
    return false;
  end if;
  -- Detached, the rows go where rows without a day go. CONCURRENTLY is refused where there is a
  -- default partition.
  execute format('alter table jobs.%I detach partition jobs.%I', p_what, p_partition);
  execute format('insert into jobs.%I select d.* from jobs.%I as d where d.job_id = any ($1)',
                 p_what, p_partition)
  using p_kept;
  execute format('drop table jobs.%I', p_partition);
  return true;
exception
  when lock_not_available then
    return false;
end;
$_$;


--
-- Name: FUNCTION _drop_day(p_what text, p_partition text, p_kept bigint[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._drop_day(p_what text, p_partition text, p_kept bigint[]) IS 'Move the rows of p_kept out of a day and drop the day. False where somebody is busy with it: try
again; null where more than 20,000 rows would have to move.';


--
-- Name: _due(text, text, timestamp with time zone, integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._due(p_cron text, p_time_zone text, p_from timestamp with time zone, p_last integer) RETURNS timestamp with time zone[]
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_span  interval;
  v_start timestamptz;
  v_due   timestamptz[];
begin
  -- The last ones are wanted: look back over an hour first, for a minutely schedule may have
  -- missed months.
  foreach v_span in array array['1 hour', '1 day', '1 month', '100 years']::interval[] loop
    v_start := greatest(p_from, jobs.clock() - v_span) - interval '1 microsecond';
    v_due := array(
      with recursive fires (at) as (
        select jobs.next_fire(p_cron, p_time_zone, v_start)
        union all
        select jobs.next_fire(p_cron, p_time_zone, f.at) from fires as f where f.at <= jobs.clock()
      )
      select f.at from fires as f where f.at <= jobs.clock() order by f.at
    );
    exit when cardinality(v_due) >= p_last or v_start < p_from;
  end loop;
  return v_due[greatest(1, cardinality(v_due) - p_last + 1):];
end;
$$;


--
-- Name: FUNCTION _due(p_cron text, p_time_zone text, p_from timestamp with time zone, p_last integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._due(p_cron text, p_time_zone text, p_from timestamp with time zone, p_last integer) IS 'The last p_last times from p_from until now at which a cron expression fits, oldest first.';


--
-- Name: _end_runs(bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._end_runs(p_run_id bigint DEFAULT NULL::bigint) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_over  bigint[];
  v_run   record;
  v_ended integer := 0;
begin
  -- Two last jobs that end at the same moment do not see each other's end: jobs.tick asks again.
  v_over := array(
    select o.run_id
    from jobs.run_log as o
    where o.finished_at is null
      and o.returned_at is not null
      and (p_run_id is null or o.run_id = p_run_id)
      and not exists (select from jobs.ready as r where r.run_id = o.run_id)
      and not exists (select from jobs.running as r where r.run_id = o.run_id)
      and not exists (select from jobs.scheduled as s where s.run_id = o.run_id)
      and not exists (select from jobs.parked as p where p.run_id = o.run_id)
  );
  -- By itself: to count the jobs of a run at each end of one of them would take for ever.
  for v_run in
    update jobs.run_log as l
    set finished_at = jobs.clock(),
        failed = d.dead,
        status = case
          when l.items = 0 and d.dead = 0 then 'skipped'
          when d.dead = 0 then 'succeeded'
          when d.dead < l.items then 'partly'
          else 'failed'
        end
    from unnest(v_over) as o (run_id)
    cross join lateral (
      select count(*) as dead
      from jobs.jobs as j
      join jobs.dead_letters as x on x.job_id = j.job_id
      where j.run_id = o.run_id
    ) as d
    where l.run_id = o.run_id and l.finished_at is null
    returning l.*
  loop
    v_ended := v_ended + 1;
    if v_run.final_policy = 'on_any' or v_run.final_policy = 'on_success' and v_run.failed = 0
      or v_run.final_policy = 'on_failure' and v_run.failed > 0
    then
      perform jobs._enqueue_final(v_run.run_id, v_run.final_kind, v_run.final_payload);
    end if;
  end loop;
  return v_ended;
end;
$$;


--
-- Name: FUNCTION _end_runs(p_run_id bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._end_runs(p_run_id bigint) IS 'End the runs (or the one) whose function has returned, or the batches that are closed, and whose
jobs have all ended; returns how many. The final job of a batch is enqueued with its end.';


--
-- Name: _ended(bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._ended(p_job_id bigint) RETURNS boolean
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select not exists (select from jobs.scheduled as s where s.job_id = p_job_id)
     and not exists (select from jobs.parked as p where p.job_id = p_job_id)
     and not exists (select from jobs.running as r where r.job_id = p_job_id)
     and not exists (
       select from jobs.ready as r
       join jobs.jobs as j on j.queue = r.queue and j.priority = r.priority and j.key = r.key
       where j.job_id = p_job_id and r.seq = p_job_id
     )
     and not exists (
       select from jobs.ready as r where r.job_id = p_job_id and r.seq <> r.job_id
     );
$$;


--
-- Name: FUNCTION _ended(p_job_id bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._ended(p_job_id bigint) IS 'The job waits nowhere and runs nowhere, all seen at one moment.';


--
-- Name: _enqueue(text, jsonb[], text[], uuid[], timestamp with time zone, integer, text[], text, interval, text, interval, bigint[], text, bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._enqueue(p_kind text, p_payloads jsonb[], p_keys text[], p_tenants uuid[], p_run_at timestamp with time zone, p_priority integer, p_unique_keys text[], p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) RETURNS bigint[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_queue    text;
  v_priority integer;
  v_new      bigint[] := jobs._new_ids(cardinality(p_payloads));
  v_ids      bigint[] := v_new;
  v_run_ats  timestamptz[];
  v_waits    boolean := coalesce(cardinality(p_after) > 0, false);
begin
  select k.queue, coalesce(p_priority, k.priority) from jobs.kinds as k where k.kind = p_kind
  into v_queue, v_priority;
  if not found then
    perform jobs._refuse_kind(p_kind);
  end if;
  if cardinality(p_keys) <> cardinality(p_payloads)
    or cardinality(p_tenants) <> cardinality(p_payloads)
    or cardinality(p_unique_keys) <> cardinality(p_payloads)
  then
    raise exception using
      errcode = 'JQ004',
      message = 'Every list must be as long as the list of payloads.',
      detail  = format('payloads=%s keys=%s tenants=%s unique_keys=%s', cardinality(p_payloads),
                       cardinality(p_keys), cardinality(p_tenants), cardinality(p_unique_keys));
  end if;

  if p_batch_id is not null then
    perform jobs._lock_batch(p_batch_id);
  end if;

  if array_length(array_remove(p_unique_keys, null), 1) > 0 then
    select u.job_ids, u.run_ats
    from jobs._settle_unique_keys(
      p_kind, v_new, p_unique_keys, p_unique_mode, p_unique_for, p_unique_until, p_max_wait,
      p_payloads, p_run_at, v_priority
    ) as u
    into v_ids, v_run_ats;
  end if;

  with written as (
    insert into jobs.jobs (
      job_id, run_id, tenant, priority, kind, queue, key, unique_key, payload
    )
    select n.job_id,
           coalesce(p_batch_id, nullif(current_setting('jobs.run_id', true), '')::bigint),
           n.tenant, v_priority, p_kind, v_queue, coalesce(n.key, ''), n.unique_key,
           coalesce(n.payload, '{}')
    from unnest(v_new, v_ids, p_payloads, p_keys, p_tenants, p_unique_keys)
      as n (job_id, holder, payload, key, tenant, unique_key)
    where n.job_id = n.holder
    returning jobs.job_id, jobs.run_id, jobs.key, jobs.unique_key
  ),
  placed as (
    select w.job_id, w.run_id, w.key, w.unique_key is not null as is_unique,
           case when v_run_ats is null then p_run_at
                else coalesce(v_run_ats[array_position(v_new, w.job_id)], p_run_at) end as run_at
    from written as w
  ),
  later as (
    insert into jobs.scheduled (
      job_id, run_id, run_at, run_no, failures, priority, is_unique, queue, kind, key
    )
    select p.job_id, p.run_id, p.run_at, 0, 0, v_priority, p.is_unique, v_queue, p_kind, p.key
    from placed as p
    where p.run_at > jobs.clock() and not v_waits
  ),
  waiting as (
    insert into jobs.parked (
      job_id, run_id, parked_at, run_at, run_no, failures, priority, is_unique, queue, kind,
      key, why
    )
    select p.job_id, p.run_id, jobs.clock(), p.run_at, 0, 0, v_priority, p.is_unique, v_queue,
           p_kind, p.key, format('Waits for %s jobs.', cardinality(p_after))
    from placed as p
    where v_waits
  )
  insert into jobs.ready (
    seq, job_id, run_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
  )
  select p.job_id, p.job_id, p.run_id, jobs.clock(), 0, 0, v_priority, p.is_unique, v_queue, p_kind,
         p.key
  from placed as p
  where (p.run_at is null or p.run_at <= jobs.clock()) and not v_waits;

  if found then
    perform jobs._wake(v_queue);
  end if;
  if v_waits then
    perform jobs._wait_for(v_new, p_after, p_policy);
  end if;
  return v_ids;
end;
$$;


--
-- Name: FUNCTION _enqueue(p_kind text, p_payloads jsonb[], p_keys text[], p_tenants uuid[], p_run_at timestamp with time zone, p_priority integer, p_unique_keys text[], p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._enqueue(p_kind text, p_payloads jsonb[], p_keys text[], p_tenants uuid[], p_run_at timestamp with time zone, p_priority integer, p_unique_keys text[], p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) IS 'What jobs.enqueue, jobs.enqueue_many and jobs.enqueue_staged have in common.';


--
-- Name: _enqueue_final(bigint, text, jsonb); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._enqueue_final(p_run_id bigint, p_kind text, p_payload jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_outside bigint := nullif(current_setting('jobs.run_id', true), '')::bigint;
begin
  if p_kind is null then
    return;
  end if;
  -- It is not one of the batch, which has ended.
  perform jobs._enter_run(null);
  perform jobs.enqueue(p_kind, p_payload || jsonb_build_object('batch_id', p_run_id));
  perform jobs._enter_run(v_outside);
end;
$$;


--
-- Name: FUNCTION _enqueue_final(p_run_id bigint, p_kind text, p_payload jsonb); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._enqueue_final(p_run_id bigint, p_kind text, p_payload jsonb) IS 'Enqueue the final job of a batch, if it has one.';


--
-- Name: _enter_run(bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._enter_run(p_run_id bigint) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select set_config('jobs.run_id', coalesce(p_run_id::text, ''), true);
$$;


--
-- Name: FUNCTION _enter_run(p_run_id bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._enter_run(p_run_id bigint) IS 'From here to the end of the transaction, what is enqueued belongs to this run; null to none.';


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: running; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.running (
    job_id bigint NOT NULL,
    run_id bigint,
    started_at timestamp with time zone NOT NULL,
    deadline timestamp with time zone NOT NULL,
    worker_id integer NOT NULL,
    run_no integer NOT NULL,
    failures smallint NOT NULL,
    priority smallint NOT NULL,
    is_unique boolean NOT NULL,
    settles boolean NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    cancel_reason text
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='2000', autovacuum_vacuum_cost_delay='0');


--
-- Name: TABLE running; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.running IS 'Jobs that a worker holds.';


--
-- Name: COLUMN running.deadline; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.running.deadline IS 'When its time is up, even if its worker lives.';


--
-- Name: COLUMN running.run_no; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.running.run_no IS 'The fence: one more with every claim, never used twice. Who reports another number is too late.';


--
-- Name: COLUMN running.settles; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.running.settles IS 'Its kind has a settle function, so jobs.complete_many leaves it alone.';


--
-- Name: COLUMN running.cancel_reason; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.running.cancel_reason IS 'Null unless somebody asked for it to stop.';


--
-- Name: _finish(jobs.running, text, text, text, jsonb, boolean); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._finish(p_job jobs.running, p_state text, p_reason text DEFAULT NULL::text, p_code text DEFAULT NULL::text, p_result jsonb DEFAULT NULL::jsonb, p_propagate boolean DEFAULT true) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_reason text := p_reason;
begin
  if p_state <> 'done' then
    -- The settle function is another room's. If it fails here, the job must still end, or nothing
    -- could ever end it; then the failure is written beside the reason.
    begin
      perform jobs._tell(
        p_job, jsonb_build_object('state', p_state, 'reason', p_reason, 'code', p_code)
      );
    exception
      -- A deadlock or a serialisation failure is no fault of the function: the caller tries again.
      when serialization_failure or deadlock_detected then
        raise;
      when others then
        v_reason := format('%s; and its settle function failed: %s', p_reason, sqlerrm);
    end;
  end if;

  delete from jobs.running as r where r.job_id = p_job.job_id;
  insert into jobs.history (
    job_id, started_at, finished_at, run_no, worker_id, failures, state, code, reason, result
  )
  values (p_job.job_id, p_job.started_at, jobs.clock(), p_job.run_no, p_job.worker_id,
          p_job.failures, p_state, p_code, v_reason,
          case when not p_job.settles and pg_column_size(p_result) <= 8192 then p_result end);
  if p_state in ('failed', 'unknown') then
    perform jobs._count('jobs.dead_jobs');
    insert into jobs.dead_letters (job_id, died_at, run_no, state, queue, key, code, reason)
    values (p_job.job_id, jobs.clock(), p_job.run_no, p_state, p_job.queue, p_job.key, p_code,
            coalesce(v_reason, p_state));
  end if;
  if p_job.is_unique then
    perform jobs._free_unique_keys(array[p_job.job_id]);
  end if;
  if p_propagate
    and exists (select from jobs.waits as w where w.parent_id = p_job.job_id and w.state is null)
  then
    perform jobs._resolve(array[p_job.job_id]);
  end if;
  if p_job.run_id is not null then
    perform jobs._end_runs(p_job.run_id);
  end if;
  return p_state;
end;
$$;


--
-- Name: FUNCTION _finish(p_job jobs.running, p_state text, p_reason text, p_code text, p_result jsonb, p_propagate boolean); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._finish(p_job jobs.running, p_state text, p_reason text, p_code text, p_result jsonb, p_propagate boolean) IS 'End a job: history, dead letter, unique key, settle function (for done its caller has asked it
already), and the run if this was its last job. Returns p_state.';


--
-- Name: _fire(); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._fire() RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_schedule jobs.schedules;
  v_due      timestamptz[];
  v_at       timestamptz;
  v_run_id   bigint;
  v_fired    integer := 0;
begin
  -- Rows that a revision put in, before there was a trigger to look ahead.
  update jobs.schedules as s
  set next_at = jobs.next_fire(s.cron, s.time_zone, jobs.clock())
  where s.enabled and s.next_at is null;

  for v_schedule in
    select s.* from jobs.schedules as s
    where s.enabled and s.next_at <= jobs.clock()
    order by s.schedule
    for update skip locked
  loop
    v_due := jobs._due(v_schedule.cron, v_schedule.time_zone, v_schedule.next_at,
                       case v_schedule.catch_up when 'all' then v_schedule.catch_max else 1 end);
    foreach v_at in array v_due loop
      insert into jobs.fires (schedule, fire_at) values (v_schedule.schedule, v_at)
      on conflict on constraint fires_happen_once do nothing;
      -- A minute late is still in time; more has to be caught up with.
      if found and (v_schedule.catch_up <> 'none' or v_at > jobs.clock() - interval '1 min') then
        insert into jobs.run_log (name) values (v_schedule.schedule)
        returning run_log.run_id into v_run_id;
        update jobs.fires as f set run_id = v_run_id
        where f.schedule = v_schedule.schedule and f.fire_at = v_at;
        perform jobs.enqueue(
          'jobs.run_schedule',
          jsonb_build_object('run_id', v_run_id, 'schedule', v_schedule.schedule, 'fire_at', v_at)
        );
        v_fired := v_fired + 1;
      end if;
    end loop;
    update jobs.schedules as s
    set next_at = jobs.next_fire(s.cron, s.time_zone, jobs.clock())
    where s.schedule = v_schedule.schedule;
  end loop;
  return v_fired;
end;
$$;


--
-- Name: FUNCTION _fire(); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._fire() IS 'Begin a run of every schedule that is due, and of what it missed as its catch-up policy says;
returns how many. Each fire is a row, so however many clocks call this, each time fires once.';


--
-- Name: _first_id_of(timestamp with time zone); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._first_id_of(p_at timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    AS $$
  select to_char(p_at at time zone 'UTC', 'YYMMDD')::bigint * 1000000000;
$$;


--
-- Name: FUNCTION _first_id_of(p_at timestamp with time zone); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._first_id_of(p_at timestamp with time zone) IS 'Where the job ids of a day (UTC) begin: its date and nine zeros. Below 2^53, so JSON keeps it.';


--
-- Name: _forget(bigint, integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._forget(p_before bigint, p_limit integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_kept      bigint[];
  v_forgotten bigint[];
begin
  if not exists (select from jobs.jobs_default as j where j.job_id < p_before) then
    return 0;
  end if;
  v_kept := jobs._kept(0, p_before);
  v_forgotten := array(
    select j.job_id
    from jobs.jobs_default as j
    where j.job_id < p_before
      and not exists (select from unnest(v_kept) as k (job_id) where k.job_id = j.job_id)
    order by j.job_id
    limit p_limit
  );
  delete from jobs.effects_default as e where e.job_id = any (v_forgotten);
  delete from jobs.history_default as h where h.job_id = any (v_forgotten);
  delete from jobs.waits as w where w.job_id = any (v_forgotten);
  delete from jobs.steps as s where s.job_id = any (v_forgotten);
  delete from jobs.jobs_default as j where j.job_id = any (v_forgotten);
  return cardinality(v_forgotten);
end;
$$;


--
-- Name: FUNCTION _forget(p_before bigint, p_limit integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._forget(p_before bigint, p_limit integer) IS 'Delete ended jobs older than p_before that are in no day of their own; returns how many.';


--
-- Name: _free_unique_keys(bigint[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._free_unique_keys(p_job_ids bigint[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  delete from jobs.unique_keys as u
  where u.job_id = any (p_job_ids) and (u.until is null or u.until <= jobs.clock());
$$;


--
-- Name: FUNCTION _free_unique_keys(p_job_ids bigint[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._free_unique_keys(p_job_ids bigint[]) IS 'Let go of the unique keys of jobs that end; those taken for a time stay until it is over.';


--
-- Name: _gist(text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._gist(p_reason text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select regexp_replace(left(coalesce(p_reason, ''), 500), '[0-9a-f]*[0-9][0-9a-f]*(-[0-9a-f]+)*',
    '#', 'gi');
$$;


--
-- Name: FUNCTION _gist(p_reason text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._gist(p_reason text) IS 'An error without its numbers and ids, so that the same trouble with another product reads the same.';


--
-- Name: _hand_on(bigint[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._hand_on(p_job_ids bigint[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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


--
-- Name: FUNCTION _hand_on(p_job_ids bigint[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._hand_on(p_job_ids bigint[]) IS 'Write what the parents of these jobs ended with into their payloads, as "parents". Of more than a
hundred it would be too much; then the job asks jobs.parents itself.';


--
-- Name: _heed(jobs.running, jsonb); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._heed(p_job jobs.running, p_outcome jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_throttle jsonb := nullif(p_outcome -> 'throttle', 'null');
  v_cost     double precision := (v_throttle ->> 'cost')::double precision;
  v_left     double precision := (v_throttle ->> 'available')::double precision;
  v_seconds  double precision;
begin
  if p_job.key = '' then
    return;
  end if;
  if (p_outcome ->> 'pause_key')::boolean then
    v_seconds := coalesce((p_outcome ->> 'after')::double precision, 1);
  elsif v_left < 2 * v_cost then
    v_seconds := (2 * v_cost - v_left) / (v_throttle ->> 'restore_rate')::double precision;
  end if;
  if v_seconds > 0 then
    perform jobs.penalise(p_job.queue, p_job.key, jobs.clock() + make_interval(secs => v_seconds));
  end if;
end;
$$;


--
-- Name: FUNCTION _heed(p_job jobs.running, p_outcome jsonb); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._heed(p_job jobs.running, p_outcome jsonb) IS 'Do as the service asked: with pause_key nobody takes the key before "after" seconds; with less
than twice the cost of this call left, nobody takes it before that much is restored.';


--
-- Name: _hold_run(bigint, integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._hold_run(p_job_id bigint, p_run_no integer) RETURNS jobs.running
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_job jobs.running;
begin
  select r.* from jobs.running as r
  where r.job_id = p_job_id and r.run_no = p_run_no
  for update
  into v_job;
  if not found then
    raise exception using
      errcode = 'JQ033',
      message = 'This run is not the present one.',
      detail  = format('job_id=%s run_no=%s', p_job_id, p_run_no),
      hint    = 'Stop: another worker has the job, or it has ended.';
  end if;
  return v_job;
end;
$$;


--
-- Name: FUNCTION _hold_run(p_job_id bigint, p_run_no integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._hold_run(p_job_id bigint, p_run_no integer) IS 'Keep a run the present one until this transaction ends. Raises JQ033 (it is not).';


--
-- Name: _horizon(); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._horizon() RETURNS TABLE(held_by text, what text, xmin xid, since timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select h.held_by, h.what, h.xmin, h.since
  from (
    select format('backend %s', a.pid) as held_by,
           format('Process %s of %s (%s, %s)', a.pid, coalesce(a.usename, 'the server'),
                  coalesce(nullif(a.application_name, ''), a.backend_type),
                  coalesce(a.state, 'no state')) as what,
           a.backend_xmin as xmin, coalesce(a.xact_start, a.backend_start) as since
    from pg_stat_activity as a
    where a.backend_xmin is not null and a.pid <> pg_backend_pid()
    union all
    select format('slot %s', s.slot_name), format('Replication slot %s', s.slot_name),
           x.xmin, null
    from pg_replication_slots as s
    cross join lateral (values (s.xmin), (s.catalog_xmin)) as x (xmin)
    where x.xmin is not null
    union all
    select format('prepared %s', p.gid), format('Prepared transaction %s of %s', p.gid, p.owner),
           p.transaction, p.prepared
    from pg_prepared_xacts as p
  ) as h
  order by age(h.xmin) desc;
$$;


--
-- Name: FUNCTION _horizon(); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._horizon() IS 'Who holds a snapshot, the oldest first. It sees all that the owner of the schema may see: all, if
that one has pg_read_all_stats.';


--
-- Name: _instants(date, integer[], integer[], text, boolean); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._instants(p_day date, p_hours integer[], p_minutes integer[], p_time_zone text, p_once boolean) RETURNS SETOF timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  -- The clock's distance from UTC half a day before the day begins, and half a day after it ends.
  v_before interval := jobs._utc_offset((p_day - interval '12 hours') at time zone 'UTC',
    p_time_zone);
  v_after  interval := jobs._utc_offset((p_day + interval '36 hours') at time zone 'UTC',
    p_time_zone);
begin
  if v_before = v_after then
    return query
    select (p_day + make_interval(hours => h, mins => m) - v_before) at time zone 'UTC'
    from unnest(p_hours) as h, unnest(p_minutes) as m;
    return;
  end if;

  return query
  with times as (
    select p_day + make_interval(hours => h, mins => m) as wall
    from unnest(p_hours) as h, unnest(p_minutes) as m
  ),
  -- When the clock shows it: once, twice, or never on the day of a change.
  shown as (
    select t.wall, i.at
    from times as t
    cross join lateral (
      values ((t.wall - v_before) at time zone 'UTC'), ((t.wall - v_after) at time zone 'UTC')
    ) as i (at)
    where i.at at time zone p_time_zone = t.wall
  )
  select s.at from shown as s where not p_once
  union
  select min(s.at) from shown as s where p_once group by s.wall
  union
  -- Never: the first minute after the jump.
  select min(m)
  from times as t
  cross join lateral generate_series(
    (t.wall - v_after) at time zone 'UTC', (t.wall - v_before) at time zone 'UTC', interval '1 min'
  ) as m
  where p_once
    and not exists (select from shown as s where s.wall = t.wall)
    and m at time zone p_time_zone >= t.wall
  group by t.wall;
end;
$$;


--
-- Name: FUNCTION _instants(p_day date, p_hours integer[], p_minutes integer[], p_time_zone text, p_once boolean); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._instants(p_day date, p_hours integer[], p_minutes integer[], p_time_zone text, p_once boolean) IS 'The moments of a day at which the clock of a time zone shows the given hours and minutes; with
p_once each of them exactly once, even if the clock skips or repeats it.';


--
-- Name: _is_due(text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._is_due(p_chore text) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select not exists (
    select from jobs.chores as c
    where c.chore = p_chore and c.last_at > jobs.clock() - c.every and c.last_at <= jobs.clock()
  );
$$;


--
-- Name: FUNCTION _is_due(p_chore text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._is_due(p_chore text) IS 'A part of jobs.tick has its turn: it has no row in jobs.chores that says how often, or that time is over.';


--
-- Name: _kept(bigint, bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._kept(p_from bigint, p_before bigint) RETURNS bigint[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select array(
    select r.job_id from jobs.ready as r where r.job_id >= p_from and r.job_id < p_before
    union
    select s.job_id from jobs.scheduled as s where s.job_id >= p_from and s.job_id < p_before
    union
    select p.job_id from jobs.parked as p where p.job_id >= p_from and p.job_id < p_before
    union
    select r.job_id from jobs.running as r where r.job_id >= p_from and r.job_id < p_before
    union
    select d.job_id from jobs.dead_letters as d where d.job_id >= p_from and d.job_id < p_before
    union
    -- What ended only lately is kept as long as anything else.
    select h.job_id
    from jobs.history as h
    where h.job_id >= p_from and h.job_id < p_before and h.finished_at >= (
      select jobs.clock() - t.keep from jobs.retention as t where t.what = 'days'
    )
  );
$$;


--
-- Name: FUNCTION _kept(p_from bigint, p_before bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._kept(p_from bigint, p_before bigint) IS 'The jobs of a range of ids that must outlive their day: not ended, dead and not retried, or ended
not long enough ago. A job that has ended never comes back into it, so it only shrinks.';


--
-- Name: _keys_in_line(text, integer, text, text, integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._keys_in_line(p_queue text, p_priority integer, p_from text, p_to text, p_limit integer) RETURNS SETOF text
    LANGUAGE sql STABLE ROWS 64
    AS $$
  -- From one key straight to the next: the cost is that of the keys, not of the jobs.
  with recursive line as (
    (
      select r.key from jobs.ready as r
      where r.queue = p_queue and r.priority = p_priority and r.key >= p_from
      order by r.key
      limit 1
    )
    union all
    select (
      select r.key from jobs.ready as r
      where r.queue = p_queue and r.priority = p_priority and r.key > line.key
      order by r.key
      limit 1
    )
    from line
    where line.key < p_to or (p_to is null and line.key is not null)
  )
  select line.key from line where line.key <= p_to or (p_to is null and line.key is not null)
  limit p_limit;
$$;


--
-- Name: FUNCTION _keys_in_line(p_queue text, p_priority integer, p_from text, p_to text, p_limit integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._keys_in_line(p_queue text, p_priority integer, p_from text, p_to text, p_limit integer) IS 'The keys with ready jobs of a priority, in order, from p_from on to p_to (null is the end).';


--
-- Name: _lock_batch(bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._lock_batch(p_batch_id bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- Shared with others that add; whoever closes it waits for them when it writes.
  perform from jobs.run_log as l
  where l.run_id = p_batch_id and l.is_batch and l.returned_at is null
  for key share;
  if not found then
    raise exception using
      errcode = 'JQ032',
      message = 'There is no such open batch.',
      detail  = format('batch_id=%s', p_batch_id),
      hint    = 'select batch_id, name, status from jobs.batches;';
  end if;
end;
$$;


--
-- Name: FUNCTION _lock_batch(p_batch_id bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._lock_batch(p_batch_id bigint) IS 'Keep a batch open until this transaction ends. Raises JQ032 (there is none, or it is closed).';


--
-- Name: _look_after(bigint[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._look_after(p_job_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_ended bigint[] := array(
    select w.parent_id
    from jobs.waits as w
    where w.job_id = any (p_job_ids) and w.state is null and jobs._ended(w.parent_id)
  );
begin
  perform jobs._resolve(v_ended);
  -- Those whose parents have all been written down, by transactions that did not see each other.
  perform jobs._resolve(jobs._decide(p_job_ids));
end;
$$;


--
-- Name: FUNCTION _look_after(p_job_ids bigint[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._look_after(p_job_ids bigint[]) IS 'Let those of these parked jobs go on whose parents have ended, whoever missed it.';


--
-- Name: _lose(jobs.running); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._lose(p_job jobs.running) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_kind jobs.kinds;
  v_sent boolean := jobs._maybe_sent(p_job.job_id, p_job.run_no + 1);
begin
  select k.* from jobs.kinds as k where k.kind = p_job.kind into v_kind;
  p_job.failures := p_job.failures + 1;
  if p_job.cancel_reason is not null then
    return jobs._finish(p_job, 'cancelled', p_job.cancel_reason, 'lost');
  elsif v_sent and v_kind.effect = 'at_most_once' then
    return jobs._finish(p_job, 'unknown', 'Its worker was lost after it may have sent it.', 'lost');
  elsif p_job.failures >= v_kind.max_attempts then
    return jobs._finish(
      p_job,
      case when v_sent and v_kind.effect <> 'repeatable' then 'unknown' else 'failed' end,
      'Its worker was lost during the last attempt.', 'lost'
    );
  end if;
  insert into jobs.history (
    job_id, started_at, finished_at, run_no, worker_id, failures, state, code, reason
  )
  values (p_job.job_id, p_job.started_at, jobs.clock(), p_job.run_no, p_job.worker_id,
          p_job.failures, 'lost', 'lost', 'Its worker was lost.');
  return jobs._put_in_line(p_job, null, null);
end;
$$;


--
-- Name: FUNCTION _lose(p_job jobs.running); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._lose(p_job jobs.running) IS 'A worker is gone with this job: let another have it, or end it after its last attempt.';


--
-- Name: _make_partitions(integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._make_partitions(p_days integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '100ms'
    AS $$
declare
  v_day  record;
  v_made integer := 0;
begin
  for v_day in
    select t.name as parent, t.name || to_char(d.utc, '_YYYYMMDD') as name,
           jobs._first_id_of(d.utc at time zone 'UTC') as first_id,
           jobs._first_id_of((d.utc + interval '1 day') at time zone 'UTC') as next_id
    -- Not today's: a job that is on its way to the default partition would find it closed to it.
    from generate_series(1, p_days) as n
    cross join lateral (
      select date_trunc('day', clock_timestamp() at time zone 'UTC') + make_interval(days => n)
        as utc
    ) as d
    cross join (values ('jobs'), ('history'), ('effects')) as t (name)
    where to_regclass(format('jobs.%I', t.name || to_char(d.utc, '_YYYYMMDD'))) is null
  loop
    begin
      execute format(
        'create table jobs.%I (like jobs.%I including defaults including constraints) with (%s)',
        v_day.name, v_day.parent,
        case v_day.parent when 'effects' then 'fillfactor = 70' else 'fillfactor = 100' end
      );
      execute format('alter table jobs.%I attach partition jobs.%I for values from (%s) to (%s)',
                     v_day.parent, v_day.name, v_day.first_id, v_day.next_id);
      v_made := v_made + 1;
    exception
      -- The day already has rows in the default partition, and stays there; or it is busy just now.
      when check_violation or lock_not_available then
        null;
    end;
  end loop;
  return v_made;
end;
$$;


--
-- Name: FUNCTION _make_partitions(p_days integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._make_partitions(p_days integer) IS 'Make the daily partitions from tomorrow to p_days ahead, where they are missing;
returns how many.
The day on which the clock begins, or begins again, stays in the default partition.';


--
-- Name: _make_rounds(integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._make_rounds(p_limit integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_from bigint := (select l.last_value from jobs.last_parked as l);
  v_some bigint[];
begin
  perform jobs._answer(array(
    select a.job_id from jobs.awaits as a
    where a.until <= jobs.clock()
    order by a.until
    limit p_limit
  ));
  v_some := array(
    select p.job_id from jobs.parked as p where p.job_id > v_from order by p.job_id limit p_limit
  );
  -- After the last one the next round begins.
  if cardinality(v_some) < p_limit then
    perform setval('jobs.last_parked', 0);
  else
    perform setval('jobs.last_parked', v_some[p_limit]);
  end if;
  if cardinality(v_some) = 0 then
    return 0;
  end if;
  perform jobs._look_after(v_some);
  perform jobs._answer(v_some);
  return (
    select count(*) from unnest(v_some) as s (job_id)
    where not exists (select from jobs.parked as p where p.job_id = s.job_id)
  );
end;
$$;


--
-- Name: FUNCTION _make_rounds(p_limit integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._make_rounds(p_limit integer) IS 'Look after the next p_limit parked jobs, around from the beginning after the last; returns how
many need not be parked any more. What was missed when it happened is found here.';


--
-- Name: _maybe_sent(bigint, integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._maybe_sent(p_job_id bigint, p_run_no integer) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select exists (
    select from jobs.effects as e
    where e.job_id = p_job_id and e.run_no < p_run_no
      and coalesce(e.outcome, 'unknown') = 'unknown'
  );
$$;


--
-- Name: FUNCTION _maybe_sent(p_job_id bigint, p_run_no integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._maybe_sent(p_job_id bigint, p_run_no integer) IS 'Some run of the job before p_run_no was handed its request, and nobody knows how that ended.';


--
-- Name: _new_ids(integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._new_ids(p_count integer) RETURNS bigint[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  -- The real time, not jobs.clock(): a transaction that began before midnight and is still at it
  -- must not draw numbers below those that others drew since.
  v_first bigint := jobs._first_id_of(clock_timestamp());
begin
  return array(select v_first + nextval('jobs.numbers') from generate_series(1, p_count));
end;
$$;


--
-- Name: FUNCTION _new_ids(p_count integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._new_ids(p_count integer) IS 'Draw job ids, or places in line: date and number, so they grow and fall into daily partitions.';


--
-- Name: alert_rules; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.alert_rules (
    rule text NOT NULL,
    function text NOT NULL,
    bound double precision DEFAULT 0 NOT NULL,
    span interval DEFAULT '01:00:00'::interval NOT NULL,
    severity text DEFAULT 'warning'::text NOT NULL,
    clear_after interval DEFAULT '00:05:00'::interval NOT NULL,
    channels text[],
    of_channels boolean DEFAULT false NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    error text,
    description text NOT NULL,
    CONSTRAINT alert_rules_are_named_simply CHECK ((rule ~ '^[a-z][a-z0-9_]*$'::text)),
    CONSTRAINT alert_rules_name_a_function_with_its_schema CHECK ((function ~ '^[a-z_][a-z0-9_]*[.][a-z_][a-z0-9_]*$'::text)),
    CONSTRAINT alert_rules_severity_is_known CHECK ((severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text]))),
    CONSTRAINT alert_rules_wait_before_they_clear CHECK ((clear_after >= '00:00:00'::interval))
);


--
-- Name: TABLE alert_rules; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.alert_rules IS 'What is worth an alert. Any room may add a row: the kernel calls the function and knows no more.';


--
-- Name: COLUMN alert_rules.function; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_rules.function IS 'f(p_bound double precision, p_span interval) returns table (about text, said text, times bigint): what is wrong at this moment. about names the thing, and never changes while it is the same thing; said is one sentence for people, without secrets; times is how often, or how many.';


--
-- Name: COLUMN alert_rules.bound; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_rules.bound IS 'What the function measures against; see the description.';


--
-- Name: COLUMN alert_rules.span; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_rules.span IS 'The time that the function looks back over, or allows.';


--
-- Name: COLUMN alert_rules.clear_after; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_rules.clear_after IS 'An alert is over when its rule has not found it for that long.';


--
-- Name: COLUMN alert_rules.channels; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_rules.channels IS 'Where it is told; null is every channel.';


--
-- Name: COLUMN alert_rules.of_channels; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_rules.of_channels IS 'about is a channel, and so the one that is not told: who cannot hear need not be told so.';


--
-- Name: COLUMN alert_rules.error; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_rules.error IS 'Why its function failed the last time; null if it did not.';


--
-- Name: _note_alerts(jobs.alert_rules); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._note_alerts(p_rule jobs.alert_rules) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_seen integer;
begin
  execute format(
    'insert into jobs.alerts as a (rule, about, severity, said, times, first_seen, last_seen)
     select $1, f.about, $2, left(max(f.said), 500), sum(f.times), jobs.clock(), jobs.clock()
     from %I.%I($3, $4) as f
     group by f.about
     order by f.about
     limit 500
     on conflict (rule, about) where resolved_at is null do update
     set severity = excluded.severity, said = excluded.said, times = excluded.times,
         last_seen = excluded.last_seen',
    split_part(p_rule.function, '.', 1), split_part(p_rule.function, '.', 2)
  )
  using p_rule.rule, p_rule.severity, p_rule.bound, p_rule.span;
  get diagnostics v_seen = row_count;
  return v_seen;
end;
$_$;


--
-- Name: FUNCTION _note_alerts(p_rule jobs.alert_rules); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._note_alerts(p_rule jobs.alert_rules) IS 'Open an alert for each thing that a rule finds (500 at most), or renew the one that is open; returns how many.';


--
-- Name: _note_chore(text, timestamp with time zone, integer, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._note_chore(p_chore text, p_began timestamp with time zone, p_did integer, p_error text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update jobs.chores as c
  set last_at = jobs.clock(), took = clock_timestamp() - p_began, did = p_did, error = p_error
  where c.chore = p_chore
    -- What every tick does leaves a row only while it fails: a version a second would be too many.
    and (c.every is not null or c.error is distinct from p_error);
  if not found and p_error is not null then
    insert into jobs.chores (chore, last_at, took, did, error)
    values (p_chore, jobs.clock(), clock_timestamp() - p_began, p_did, p_error)
    on conflict do nothing;
  end if;
end;
$$;


--
-- Name: FUNCTION _note_chore(p_chore text, p_began timestamp with time zone, p_did integer, p_error text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._note_chore(p_chore text, p_began timestamp with time zone, p_did integer, p_error text) IS 'Remember how a part of jobs.tick went.';


--
-- Name: _note_news(); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._note_news() RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with news as (
    select a.alert_id, c.channel, n.news
    from jobs.alerts as a
    join jobs.alert_rules as r on r.rule = a.rule
    join jobs.alert_channels as c
      on c.enabled
     and (r.channels is null or c.channel = any (r.channels))
     and array_position(array['info', 'warning', 'critical'], a.severity)
         >= array_position(array['info', 'warning', 'critical'], c.min_severity)
     and not (r.of_channels and a.about = c.channel)
    cross join lateral (
      select 'opened' as news where a.resolved_at is null
      union all
      -- That it is over, only to those who heard of it.
      select 'resolved'
      from jobs.alert_notices as o
      where a.resolved_at is not null and o.alert_id = a.alert_id and o.channel = c.channel
        and o.news = 'opened' and (o.outcome is null or o.outcome in ('done', 'unknown'))
    ) as n
    where (a.resolved_at is null or a.resolved_at > jobs.clock() - interval '1 day')
      and not jobs._silenced(a.rule, a.about)
  ),
  noted as (
    insert into jobs.alert_notices (alert_id, channel, news, noticed_at)
    select n.alert_id, n.channel, n.news, jobs.clock()
    from news as n
    on conflict on constraint alert_notices_happen_once do nothing
    returning channel
  ),
  -- A job for the channel, not for the alert: it tells all that is new when its turn comes. Where
  -- one waits already, that one will do.
  untold as (
    select n.channel from noted as n
    union
    select n.channel from jobs.alert_notices as n where n.ended_at is null and n.job_id is null
  )
  select from (
    select jobs.enqueue(
      c.kind, jsonb_build_object('channel', c.channel), p_key => c.channel,
      p_unique_key => c.channel
    )
    from jobs.alert_channels as c
    where c.enabled and c.channel in (select u.channel from untold as u)
    order by c.channel
  ) as e;
$$;


--
-- Name: FUNCTION _note_news(); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._note_news() IS 'Note which channel has to be told of which alert, and enqueue a delivery where something is untold.';


--
-- Name: _open_keys(text, text[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._open_keys(p_queue text, p_keys text[]) RETURNS text[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (select coalesce(array_agg(k.key order by k.place), '{}')
  from unnest(p_keys) with ordinality as k (key, place)
  where not exists (
      select from jobs.pauses as p
      where p.queue = p_queue and p.key = k.key and k.key <> ''
        and (p.until is null or p.until > jobs.clock())
    )
    and not exists (
      select from jobs.buckets as b
      where b.queue = p_queue and b.key = k.key and b.blocked_until > jobs.clock()
    )
    -- A key with limits is for one claimer at a time; who finds it locked leaves it alone.
    -- Two keys with the same hash only wait for each other's turn.
    and case
      when k.key <> '' and exists (
        select from jobs.limits as l
        where l.queue = p_queue and l.key in (k.key, '*')
          and (l.max_running is not null or l.rate is not null)
      )
      then pg_try_advisory_xact_lock(77, hashtext(p_queue || ':' || k.key))
      else true
    end);
end;
$$;


--
-- Name: FUNCTION _open_keys(p_queue text, p_keys text[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._open_keys(p_queue text, p_keys text[]) IS 'Those of the keys that are neither paused nor told to wait nor just being claimed by another.
Locks the ones with limits to the end of the transaction.';


--
-- Name: _plan_roll_ups(); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._plan_roll_ups() RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_over    timestamptz := date_trunc('hour', jobs.clock() - interval '5 min', 'UTC');
  v_from    timestamptz;
  v_planned integer;
  -- Greater than any number drawn before; the xmax of a snapshot is not.
  v_xid     xid8 := pg_current_xact_id();
begin
  select max(r.hour) + interval '1 hour' from jobs.rolled_hours as r into v_from;
  if v_from is null then
    select date_trunc('hour', min(h.finished_at), 'UTC') from jobs.history as h into v_from;
  end if;
  insert into jobs.rolled_hours (hour, seen)
  select h.hour, v_xid
  from generate_series(v_from, v_over - interval '1 hour', interval '1 hour') as h (hour)
  limit 1000;

  -- A transaction that began within the hour may still add to it. Once all that were in flight when
  -- the hour was first seen to be over have ended, none can. After a restore into another cluster
  -- the numbers begin anew, and what was in flight is long gone.
  update jobs.rolled_hours as r
  set job_id = jobs.enqueue('jobs.roll_up', jsonb_build_object('hour', r.hour),
    p_unique_key => r.hour::text)
  where r.job_id is null and r.rolled_at is null
    and (r.seen <= pg_snapshot_xmin(pg_current_snapshot()) or r.seen > v_xid)
    and exists (
      select from jobs.history as h
      where h.finished_at >= r.hour and h.finished_at < r.hour + interval '1 hour'
    );
  get diagnostics v_planned = row_count;

  update jobs.rolled_hours as r
  set rolled_at = jobs.clock()
  where r.job_id is null and r.rolled_at is null
    and (r.seen <= pg_snapshot_xmin(pg_current_snapshot()) or r.seen > v_xid);
  return v_planned;
end;
$$;


--
-- Name: FUNCTION _plan_roll_ups(); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._plan_roll_ups() IS 'Have each hour summed up by a job once it is over and nothing can be added to it; returns how many.';


--
-- Name: _prepare_roll_up(bigint, jsonb, boolean); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._prepare_roll_up(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return jsonb_build_object('done', jobs._roll_up((p_payload ->> 'hour')::timestamptz));
end;
$$;


--
-- Name: FUNCTION _prepare_roll_up(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._prepare_roll_up(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'The work of kind jobs.roll_up, which is all SQL: sum up the hour in the payload.';


--
-- Name: _prepare_schedule(bigint, jsonb, boolean); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._prepare_schedule(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform jobs._run((p_payload ->> 'run_id')::bigint);
  return jsonb_build_object('done', p_payload -> 'run_id');
end;
$$;


--
-- Name: FUNCTION _prepare_schedule(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._prepare_schedule(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'The work of kind jobs.run_schedule, which is all SQL: run the function of the run in the payload.';


--
-- Name: _promote(integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._promote(p_limit integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
declare
  v_promoted integer;
begin
  if not exists (select from jobs.scheduled as s where s.run_at <= jobs.clock()) then
    return 0;
  end if;
  with due as materialized (
    select s.ctid as place
    from jobs.scheduled as s
    where s.run_at <= jobs.clock()
    order by s.run_at
    limit p_limit
    for update skip locked
  ),
  moved as (
    delete from jobs.scheduled as s where s.ctid = any (array(select d.place from due as d))
    returning s.*
  )
  insert into jobs.ready (
    seq, job_id, run_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
  )
  select (jobs._new_ids(1))[1], m.job_id, m.run_id, m.run_at, m.run_no, m.failures, m.priority,
         m.is_unique, m.queue, m.kind, m.key
  from moved as m;
  get diagnostics v_promoted = row_count;
  if v_promoted > 0 then
    perform jobs._wake('');
  end if;
  return v_promoted;
end;
$$;


--
-- Name: FUNCTION _promote(p_limit integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._promote(p_limit integer) IS 'Make scheduled jobs ready whose time has come; returns how many.';


--
-- Name: _put_in_line(jobs.running, timestamp with time zone, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._put_in_line(p_job jobs.running, p_run_at timestamp with time zone, p_why text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  delete from jobs.running as r where r.job_id = p_job.job_id;

  if p_run_at > jobs.clock() then
    insert into jobs.scheduled (
      job_id, run_id, run_at, run_no, failures, priority, is_unique, queue, kind, key, why
    )
    values (p_job.job_id, p_job.run_id, p_run_at, p_job.run_no, p_job.failures, p_job.priority,
            p_job.is_unique, p_job.queue, p_job.kind, p_job.key, p_why);
    return 'scheduled';
  end if;

  insert into jobs.ready (
    seq, job_id, run_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
  )
  values ((jobs._new_ids(1))[1], p_job.job_id, p_job.run_id, jobs.clock(), p_job.run_no,
          p_job.failures, p_job.priority, p_job.is_unique, p_job.queue, p_job.kind, p_job.key);
  perform jobs._wake(p_job.queue);
  return 'ready';
end;
$$;


--
-- Name: FUNCTION _put_in_line(p_job jobs.running, p_run_at timestamp with time zone, p_why text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._put_in_line(p_job jobs.running, p_run_at timestamp with time zone, p_why text) IS 'Let a job wait, until p_run_at or for whoever claims it; returns ready or scheduled.';


--
-- Name: _refuse_kind(text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._refuse_kind(p_kind text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  raise exception using
    errcode = 'JQ002',
    message = 'There is no such kind of job.',
    detail  = format('kind=%s', p_kind),
    hint    = 'select kind, description from jobs.kinds;';
end;
$$;


--
-- Name: FUNCTION _refuse_kind(p_kind text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._refuse_kind(p_kind text) IS 'Raises JQ002.';


--
-- Name: _refuse_rule(text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._refuse_rule(p_rule text) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  raise exception using
    errcode = 'JQ020',
    message = 'There is no such alert rule.',
    detail  = format('rule=%s', p_rule),
    hint    = 'select rule, description from jobs.alert_rules_status;';
end;
$$;


--
-- Name: FUNCTION _refuse_rule(p_rule text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._refuse_rule(p_rule text) IS 'Raises JQ020.';


--
-- Name: _refuse_worker(integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._refuse_worker(p_worker_id integer) RETURNS void
    LANGUAGE plpgsql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  raise exception using
    errcode = 'JQ005',
    message = 'This worker is not signed on.',
    detail  = format('worker_id=%s', p_worker_id),
    hint    = 'Its lease may have run out. Sign on with jobs.start_worker; its jobs are with '
              'others.';
end;
$$;


--
-- Name: FUNCTION _refuse_worker(p_worker_id integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._refuse_worker(p_worker_id integer) IS 'Raises JQ005.';


--
-- Name: _replace(text, text[], bigint[], bigint[], jsonb[], text, interval, text, timestamp with time zone, interval, integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._replace(p_kind text, p_unique_keys text[], p_holders bigint[], p_job_ids bigint[], p_payloads jsonb[], p_mode text, p_for interval, p_until text, p_run_at timestamp with time zone, p_max_wait interval, p_priority integer) RETURNS TABLE(unique_key text, job_id bigint, run_at timestamp with time zone)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_moved   bigint[] := array[]::bigint[];
  v_run_nos integer[] := array[]::integer[];
  v_still   bigint[];
begin
  if p_mode <> 'throttle' then
    select coalesce(array_agg(w.job_id), '{}'), coalesce(array_agg(w.run_no), '{}')
    from jobs._withdraw_many(p_holders) as w
    into v_moved, v_run_nos;
  end if;
  -- Who waits for other jobs or for an event goes on waiting for them, and throttled ones for their
  -- time; they only must not be claimed with the payload of before.
  v_still := jobs._stand_still(
    array(select h from unnest(p_holders) as h where h <> all (v_moved)), true
  );
  perform jobs._write_anew(v_still);

  update jobs.jobs as j
  set payload = coalesce(n.payload, '{}'),
      priority = case when j.job_id = any (v_moved) then p_priority else j.priority end
  from unnest(p_holders, p_payloads) as n (holder, payload)
  where j.job_id = n.holder and j.job_id = any (v_moved || v_still);

  with back as materialized (
    select j.*, w.run_no,
           case when p_mode = 'debounce' then least(p_run_at, j.created_at + p_max_wait)
                else p_run_at end as run_at
    from unnest(v_moved, v_run_nos) as w (job_id, run_no)
    join jobs.jobs as j on j.job_id = w.job_id
  ),
  later as (
    insert into jobs.scheduled (
      job_id, run_id, run_at, run_no, failures, priority, is_unique, queue, kind, key
    )
    select b.job_id, b.run_id, b.run_at, b.run_no, 0, p_priority, true, b.queue, b.kind, b.key
    from back as b
    where b.run_at > jobs.clock()
  )
  insert into jobs.ready (
    seq, job_id, run_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
  )
  select (jobs._new_ids(1))[1], b.job_id, b.run_id, jobs.clock(), b.run_no, 0, p_priority, true,
         b.queue, b.kind, b.key
  from back as b
  where b.run_at is null or b.run_at <= jobs.clock();
  if found then
    perform jobs._wake('');
  end if;

  return query
  with followers as (
    -- The holder runs, or has ended within its window: the new job follows it and takes the key
    -- over.
    select n.unique_key, n.job_id,
           case when p_mode = 'throttle' then greatest(p_run_at, u.until)
             else p_run_at end as run_at
    from unnest(p_unique_keys, p_holders, p_job_ids) as n (unique_key, holder, job_id)
    join jobs.unique_keys as u on u.kind = p_kind and u.unique_key = n.unique_key
    where n.holder <> all (v_moved || v_still)
  ),
  taken_over as (
    update jobs.unique_keys as u
    set job_id = f.job_id, until_claimed = p_until = 'claimed',
        until = greatest(jobs.clock(), f.run_at) + p_for
    from followers as f
    where u.kind = p_kind and u.unique_key = f.unique_key
  )
  select f.unique_key, f.job_id, f.run_at from followers as f;
end;
$$;


--
-- Name: FUNCTION _replace(p_kind text, p_unique_keys text[], p_holders bigint[], p_job_ids bigint[], p_payloads jsonb[], p_mode text, p_for interval, p_until text, p_run_at timestamp with time zone, p_max_wait interval, p_priority integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._replace(p_kind text, p_unique_keys text[], p_holders bigint[], p_job_ids bigint[], p_payloads jsonb[], p_mode text, p_for interval, p_until text, p_run_at timestamp with time zone, p_max_wait interval, p_priority integer) IS 'Give the jobs that hold these unique keys new payloads, if they still wait. replace gives them a
new time too, debounce the new time but no later than p_max_wait after they were enqueued, throttle
leaves theirs. The caller has locked the keys. Returns who takes a key over because its holder does
not wait any more, and when it may run: throttled, not before the holder''s window is over.';


--
-- Name: _resolve(bigint[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._resolve(p_ended bigint[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_ended    bigint[] := p_ended;
  v_children bigint[];
  v_resolved integer := 0;
begin
  -- Wave by wave: who is cancelled here may have others waiting for it.
  while cardinality(v_ended) > 0 loop
    with resolved as (
      update jobs.waits as w
      set state = coalesce(e.state, 'unknown')
      from unnest(v_ended) as n (job_id)
      left join lateral (
        select h.state from jobs.history as h
        where h.job_id = n.job_id and h.state not in ('retry', 'lost')
        order by h.run_no desc
        limit 1
      ) as e on true
      where w.parent_id = n.job_id and w.state is null
      returning w.job_id
    )
    select array_agg(distinct r.job_id) from resolved as r into v_children;
    v_resolved := v_resolved + coalesce(cardinality(v_children), 0);
    v_ended := jobs._decide(v_children);
  end loop;
  return v_resolved;
end;
$$;


--
-- Name: FUNCTION _resolve(p_ended bigint[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._resolve(p_ended bigint[]) IS 'These jobs have ended: write that down where others wait for it, and let those go on that need
not wait any more. Two that end at the same moment do not see each other; jobs._look_after does.';


--
-- Name: _retain(); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._retain() RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_days    interval := (select t.keep from jobs.retention as t where t.what = 'days');
  v_runs    interval := (select t.keep from jobs.retention as t where t.what = 'runs');
  v_alerts  interval := (select t.keep from jobs.retention as t where t.what = 'alerts');
  -- An hour more, in which most of what began late in a day has ended.
  v_before  bigint := jobs._first_id_of(jobs.clock() - v_days - interval '1 hour');
  v_day     record;
  v_dropped boolean;
  v_did     integer;
begin
  delete from jobs.run_log as l
  where l.run_id in (
    select o.run_id from jobs.run_log as o
    where o.finished_at < jobs.clock() - v_runs
    order by o.run_id
    limit 1000
  );
  delete from jobs.fires as f where f.fire_at < jobs.clock() - v_runs;
  delete from jobs.alert_silences as s where s.until < jobs.clock();
  delete from jobs.alerts as a where a.resolved_at < jobs.clock() - v_alerts;
  -- What is not summed up would be gone for good.
  if jobs._summed_until() < jobs.clock() - v_days then
    return 0;
  end if;
  v_did := jobs._forget(v_before, 20000);

  -- One a time: its locks are held until the end of the tick. The rows that lean on jobs go first.
  for v_day in
    select d.* from jobs.days as d where d.next_id <= v_before order by d.day, d.what
  loop
    v_dropped := jobs._drop_day(
      v_day.what, v_day.partition, jobs._kept(v_day.first_id, v_day.next_id)
    );
    exit when v_dropped is not null;
  end loop;
  if v_dropped and v_day.what = 'jobs' then
    delete from jobs.waits as w
    where w.job_id >= v_day.first_id and w.job_id < v_day.next_id
      and not exists (select from jobs.jobs as j where j.job_id = w.job_id);
    delete from jobs.steps as s
    where s.job_id >= v_day.first_id and s.job_id < v_day.next_id
      and not exists (select from jobs.jobs as j where j.job_id = s.job_id);
  end if;
  return v_did + coalesce(v_dropped, false)::integer;
end;
$$;


--
-- Name: FUNCTION _retain(); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._retain() IS 'Remove what jobs.retention no longer keeps: one day of one table at most, and rows in batches; returns how many.';


--
-- Name: _revive(bigint, timestamp with time zone); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._revive(p_job_id bigint, p_run_at timestamp with time zone) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_job        jobs.running;
  v_unique_key text;
  v_holder     bigint;
begin
  select j.job_id, j.run_id, d.run_no, 0, j.priority, j.unique_key is not null, j.queue, j.kind,
         j.key, j.unique_key
  from jobs.dead_letters as d
  join jobs.jobs as j on j.job_id = d.job_id
  where d.job_id = p_job_id
  into v_job.job_id, v_job.run_id, v_job.run_no, v_job.failures, v_job.priority, v_job.is_unique,
       v_job.queue, v_job.kind, v_job.key, v_unique_key;
  if v_job.is_unique then
    -- It let go of its key when it died; somebody else may have it now.
    v_holder := (jobs._take_unique_keys(
      v_job.kind, array[p_job_id], array[v_unique_key], 'ignore', null, 'finished', null
    ))[1];
    if v_holder <> p_job_id then
      return v_holder;
    end if;
  end if;
  delete from jobs.dead_letters as d where d.job_id = p_job_id;
  perform jobs._put_in_line(v_job, p_run_at, 'Retried after its death.');
  return null;
end;
$$;


--
-- Name: FUNCTION _revive(p_job_id bigint, p_run_at timestamp with time zone); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._revive(p_job_id bigint, p_run_at timestamp with time zone) IS 'Let a dead job, whose dead letter the caller has locked, try again from the beginning at
p_run_at. Returns null, or the job that holds its unique key; then nothing is changed.';


--
-- Name: _roll_up(timestamp with time zone); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._roll_up(p_hour timestamp with time zone) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_kinds integer;
begin
  update jobs.rolled_hours as r set rolled_at = jobs.clock()
  where r.hour = p_hour and r.rolled_at is null;
  if not found then
    return 0;
  end if;
  insert into jobs.history_hours (
    hour, queue, kind, done, failed, unknown, skipped, cancelled, retried, lost,
    run_p50, run_p95, wait_p50, wait_p95
  )
  select p_hour, j.queue, j.kind,
         count(*) filter (where h.state = 'done'),
         count(*) filter (where h.state = 'failed'),
         count(*) filter (where h.state = 'unknown'),
         count(*) filter (where h.state = 'skipped'),
         count(*) filter (where h.state = 'cancelled'),
         count(*) filter (where h.state = 'retry'),
         count(*) filter (where h.state = 'lost'),
         percentile_cont(0.5) within group (order by h.finished_at - h.started_at),
         percentile_cont(0.95) within group (order by h.finished_at - h.started_at),
         percentile_cont(0.5) within group (order by w.wait),
         percentile_cont(0.95) within group (order by w.wait)
  from jobs.history as h
  join jobs.jobs as j on j.job_id = h.job_id
  cross join lateral (
    select case when h.run_no = 1 then h.started_at - j.created_at end as wait
  ) as w
  where h.finished_at >= p_hour and h.finished_at < p_hour + interval '1 hour'
  group by j.queue, j.kind;
  get diagnostics v_kinds = row_count;
  return v_kinds;
end;
$$;


--
-- Name: FUNCTION _roll_up(p_hour timestamp with time zone); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._roll_up(p_hour timestamp with time zone) IS 'Write the sums of an hour, unless they are written; returns how many kinds of jobs it had.';


--
-- Name: _room_in_queue(text, integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._room_in_queue(p_queue text, p_wanted integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_max integer;
begin
  select q.max_running
  from jobs.queues as q
  where q.queue = p_queue
    and not exists (
      select from jobs.pauses as p
      where p.queue = p_queue and p.key = '' and (p.until is null or p.until > jobs.clock())
    )
  into v_max;
  if not found then
    return 0;
  elsif v_max is null then
    return p_wanted;
  end if;
  -- Counting is right only while nobody else counts: whoever comes second leaves with nothing.
  if not pg_try_advisory_xact_lock(77, hashtext(p_queue)) then
    return 0;
  end if;
  -- A statement of its own, for only that sees what the last one to hold the lock has committed.
  return least(p_wanted, v_max - (select count(*) from jobs.running as r where r.queue = p_queue));
end;
$$;


--
-- Name: FUNCTION _room_in_queue(p_queue text, p_wanted integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._room_in_queue(p_queue text, p_wanted integer) IS 'How many of p_wanted jobs the queue as a whole lets through; none if it is paused.';


--
-- Name: _run(bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._run(p_run_id bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_function text;
  v_items    bigint;
  v_skipped  bigint;
  v_why      text;
  v_outside  bigint := nullif(current_setting('jobs.run_id', true), '')::bigint;
begin
  select s.function
  from jobs.run_log as l
  join jobs.schedules as s on s.schedule = l.name
  where l.run_id = p_run_id and l.returned_at is null
  for update of l
  into v_function;
  if not found then
    return;
  end if;

  perform jobs._enter_run(p_run_id);
  -- The function is another room's: whatever it raises is the outcome of the run, and undoes no
  -- more than what the function did.
  begin
    execute format(
      'select coalesce(sum(r.items), 0), coalesce(sum(r.skipped), 0), string_agg(r.why, ''; '')'
      ' from %I.%I($1) as r', split_part(v_function, '.', 1), split_part(v_function, '.', 2)
    )
    using p_run_id
    into v_items, v_skipped, v_why;
    update jobs.run_log as l
    set returned_at = jobs.clock(), items = v_items, skipped = v_skipped, why = v_why
    where l.run_id = p_run_id;
  exception
    when serialization_failure or deadlock_detected then
      raise;
    when others then
      update jobs.run_log as l
      set returned_at = jobs.clock(), finished_at = jobs.clock(), status = 'failed',
          error = format('%s (%s)', sqlerrm, sqlstate)
      where l.run_id = p_run_id;
  end;
  perform jobs._enter_run(v_outside);
  perform jobs._end_runs(p_run_id);
end;
$_$;


--
-- Name: FUNCTION _run(p_run_id bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._run(p_run_id bigint) IS 'Run the function of a run that has not run yet.';


--
-- Name: _server_started(); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._server_started() RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select pg_postmaster_start_time();
$$;


--
-- Name: FUNCTION _server_started(); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._server_started() IS 'When this server came up.';


--
-- Name: _set_aside(jobs.running); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._set_aside(p_job jobs.running) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if p_job.cancel_reason is not null then
    perform jobs._finish(p_job, 'cancelled', p_job.cancel_reason);
    return false;
  end if;
  -- What it sent, its steps know: the request as a whole is not one that may have been sent.
  update jobs.effects as e
  set outcome = 'try_later', ended_at = jobs.clock()
  where e.job_id = p_job.job_id and e.run_no = p_job.run_no and e.outcome is null;
  return true;
end;
$$;


--
-- Name: FUNCTION _set_aside(p_job jobs.running); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._set_aside(p_job jobs.running) IS 'This run stops here of its own will; false where the job was to be cancelled, and now is.';


--
-- Name: kinds; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.kinds (
    kind text NOT NULL,
    queue text NOT NULL,
    prepare text,
    settle text,
    max_attempts integer DEFAULT 5 NOT NULL,
    backoff_base interval DEFAULT '00:00:02'::interval NOT NULL,
    backoff_cap interval DEFAULT '00:15:00'::interval NOT NULL,
    timeout interval DEFAULT '00:01:00'::interval NOT NULL,
    effect text,
    priority integer DEFAULT 2 NOT NULL,
    in_sql boolean DEFAULT false NOT NULL,
    description text NOT NULL,
    CONSTRAINT kinds_have_one_of_four_priorities CHECK (((priority >= 0) AND (priority <= 3))),
    CONSTRAINT kinds_in_sql_are_prepared CHECK (((NOT in_sql) OR (prepare IS NOT NULL))),
    CONSTRAINT kinds_know_what_a_repeat_does CHECK ((effect = ANY (ARRAY['natural'::text, 'native_key'::text, 'read_back'::text, 'at_most_once'::text, 'repeatable'::text]))),
    CONSTRAINT kinds_name_functions_with_their_schema CHECK (((prepare ~ '^[a-z_][a-z0-9_]*[.][a-z_][a-z0-9_]*$'::text) AND (settle ~ '^[a-z_][a-z0-9_]*[.][a-z_][a-z0-9_]*$'::text))),
    CONSTRAINT kinds_take_some_time CHECK ((timeout > '00:00:00'::interval)),
    CONSTRAINT kinds_try_at_least_once CHECK ((max_attempts > 0)),
    CONSTRAINT kinds_wait_before_they_try_again CHECK (((backoff_base >= '00:00:00'::interval) AND (backoff_cap >= backoff_base)))
);


--
-- Name: TABLE kinds; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.kinds IS 'The kinds of work. A kind without prepare and settle goes to its handler as it is.';


--
-- Name: COLUMN kinds.prepare; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.kinds.prepare IS 'f(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) returns jsonb: {"request": {}, "connection_id": uuid}, {"skip": reason}, {"later": seconds, "reason": text}, {"give_up": reason}, or {"done": answer} where the function itself was the work.';


--
-- Name: COLUMN kinds.settle; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.kinds.settle IS 'f(p_job_id bigint, p_payload jsonb, p_result jsonb) returns jsonb: null; or, refusing a "done", {"later": seconds, "reason": text}, {"snooze": seconds, "reason": text} or {"give_up": reason}.';


--
-- Name: COLUMN kinds.max_attempts; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.kinds.max_attempts IS 'Failures and crashes after which a job is dead.';


--
-- Name: COLUMN kinds.backoff_base; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.kinds.backoff_base IS 'Wait after the first failure; each further one doubles it.';


--
-- Name: COLUMN kinds.backoff_cap; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.kinds.backoff_cap IS 'The longest wait between two attempts.';


--
-- Name: COLUMN kinds.timeout; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.kinds.timeout IS 'How long one call may take before the worker stops it.';


--
-- Name: COLUMN kinds.effect; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.kinds.effect IS 'Why a repeat is safe; null has no effect outside.';


--
-- Name: COLUMN kinds.priority; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.kinds.priority IS '0 urgent, 1 high, 2 normal, 3 idle; a job may say otherwise.';


--
-- Name: COLUMN kinds.in_sql; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.kinds.in_sql IS 'Its prepare function is all of the work: any worker does it, and none needs a handler.';


--
-- Name: _settle_done(jobs.running, jobs.kinds, jsonb); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._settle_done(p_job jobs.running, p_kind jobs.kinds, p_answer jsonb) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_reply jsonb := jobs._tell(p_job, jsonb_build_object('state', 'done', 'answer', p_answer));
begin
  if v_reply is null then
    return jobs._finish(p_job, 'done', p_result => p_answer);
  elsif v_reply ? 'give_up' then
    return jobs._finish(p_job, 'failed', v_reply ->> 'give_up');
  elsif v_reply ? 'snooze' then
    return jobs._put_in_line(
      p_job, jobs.clock() + make_interval(secs => (v_reply ->> 'snooze')::double precision),
      v_reply ->> 'reason'
    );
  end if;
  return jobs._try_again(
    p_job, p_kind, (v_reply ->> 'later')::double precision, v_reply ->> 'reason', null, 'failed'
  );
end;
$$;


--
-- Name: FUNCTION _settle_done(p_job jobs.running, p_kind jobs.kinds, p_answer jsonb); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._settle_done(p_job jobs.running, p_kind jobs.kinds, p_answer jsonb) IS 'End a job as done, unless its settle function refuses the answer.';


--
-- Name: _settle_schedule(bigint, jsonb, jsonb); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._settle_schedule(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update jobs.run_log as l
  set finished_at = jobs.clock(), status = 'failed', error = p_result ->> 'reason'
  where l.run_id = (p_payload ->> 'run_id')::bigint
    and l.finished_at is null
    and p_result ->> 'state' <> 'done';
  select null::jsonb;
$$;


--
-- Name: FUNCTION _settle_schedule(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._settle_schedule(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'A job of kind jobs.run_schedule that ends without having run its function makes a failed run.';


--
-- Name: _settle_unique_keys(text, bigint[], text[], text, interval, text, interval, jsonb[], timestamp with time zone, integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._settle_unique_keys(p_kind text, p_job_ids bigint[], p_unique_keys text[], p_mode text, p_for interval, p_until text, p_max_wait interval, p_payloads jsonb[], p_run_at timestamp with time zone, p_priority integer) RETURNS TABLE(job_ids bigint[], run_ats timestamp with time zone[])
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_taken record;
begin
  if p_mode not in ('ignore', 'reject', 'replace', 'throttle', 'debounce') then
    raise exception using
      errcode = 'JQ003',
      message = 'There is no such mode for a unique key.',
      detail  = format('mode=%s', p_mode),
      hint    = 'ignore, reject, replace, throttle or debounce.';
  elsif p_until not in ('finished', 'claimed') then
    raise exception using
      errcode = 'JQ030',
      message = 'A unique key is held until its job is claimed or finished.',
      detail  = format('until=%s', p_until),
      hint    = 'claimed or finished; for a time, use p_unique_for.';
  elsif p_mode = 'debounce' and p_run_at is null then
    raise exception using
      errcode = 'JQ031',
      message = 'What is put off needs a time to put it off to.',
      detail  = 'mode=debounce run_at=null',
      hint    = 'p_run_at => jobs.clock() + interval ''5 s''';
  end if;

  job_ids := jobs._take_unique_keys(
    p_kind, p_job_ids, p_unique_keys, p_mode, p_for, p_until, p_run_at
  );
  if p_mode = 'ignore' or job_ids = p_job_ids then
    return next;
    return;
  end if;

  if p_mode = 'reject' then
    select n.unique_key, n.holder
    from unnest(p_job_ids, p_unique_keys, job_ids) as n (job_id, unique_key, holder)
    where n.job_id <> n.holder
    limit 1
    into v_taken;
    raise exception using
      errcode = 'JQ001',
      message = 'An unfinished job holds this unique key.',
      detail  = format('kind=%s unique_key=%s job_id=%s', p_kind, v_taken.unique_key,
        v_taken.holder),
      hint    = 'Use another p_unique_mode, or wait until that job has ended.';
  end if;

  return query
  with taken as (
    select distinct on (n.unique_key) n.unique_key, n.holder, n.job_id, n.payload
    from unnest(p_job_ids, p_unique_keys, job_ids, p_payloads)
      as n (job_id, unique_key, holder, payload)
    where n.holder <> all (p_job_ids)
    order by n.unique_key, n.job_id desc
  ),
  followers as (
    select f.unique_key, f.job_id, f.run_at
    from (
      select array_agg(t.unique_key) as unique_keys, array_agg(t.holder) as holders,
             array_agg(t.job_id) as job_ids, array_agg(t.payload) as payloads
      from taken as t
      having count(*) > 0
    ) as a
    cross join lateral jobs._replace(
      p_kind, a.unique_keys, a.holders, a.job_ids, a.payloads, p_mode, p_for, p_until, p_run_at,
      p_max_wait, p_priority
    ) as f
  )
  select array_agg(coalesce(f.job_id, n.holder) order by n.place),
         array_agg(f.run_at order by n.place)
  from unnest(p_unique_keys, job_ids) with ordinality as n (unique_key, holder, place)
  left join followers as f on f.unique_key = n.unique_key;
end;
$$;


--
-- Name: FUNCTION _settle_unique_keys(p_kind text, p_job_ids bigint[], p_unique_keys text[], p_mode text, p_for interval, p_until text, p_max_wait interval, p_payloads jsonb[], p_run_at timestamp with time zone, p_priority integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._settle_unique_keys(p_kind text, p_job_ids bigint[], p_unique_keys text[], p_mode text, p_for interval, p_until text, p_max_wait interval, p_payloads jsonb[], p_run_at timestamp with time zone, p_priority integer) IS 'Who is to do the work of new jobs with unique keys: the new job itself, or the one that holds its
key, which then may get the new payload and time. run_ats: where a new job has to wait for another.
Raises JQ001, JQ003, JQ030, JQ031.';


--
-- Name: _shares(text, integer, text[], integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._shares(p_queue text, p_priority integer, p_keys text[], p_room integer) RETURNS TABLE(key text, share integer, rate double precision)
    LANGUAGE sql STABLE ROWS 64
    AS $$
  with lanes as materialized (
    select k.key, k.place, u.running, coalesce(l.weight, 1) as weight, w.waiting, l.max_running,
      l.rate,
           -- The cell rate algorithm: the burst, less what is not yet paid for. Rounding may cost a
           -- millionth of a job, never one.
           floor(
             l.burst + 1e-6
             - coalesce(l.rate * greatest(0, extract(epoch from b.tat - jobs.clock())), 0)
           ) as tokens
    from unnest(p_keys) with ordinality as k (key, place)
    left join lateral (
      select l.max_running, l.rate, case when l.rate is not null then l.burst end as burst, l.weight
      from jobs.limits as l
      where l.queue = p_queue and l.key in (k.key, '*') and k.key <> ''
      order by l.key = k.key desc
      limit 1
    ) as l on true
    left join jobs.buckets as b on b.queue = p_queue and b.key = k.key
    cross join lateral (
      select count(*) as running
      from jobs.running as r
      where r.queue = p_queue and r.key = k.key and r.key <> ''
    ) as u
    cross join lateral (
      select count(*) as waiting
      from (
        select
        from jobs.ready as r
        where r.queue = p_queue and r.priority = p_priority and r.key = k.key
        limit p_room
      ) as r
    ) as w
  ),
  -- Each place that a key might get, the first of each key before the second of any; what already
  -- runs of it counts as had.
  places as (
    select l.key, l.place, l.rate
    from lanes as l
    cross join generate_series(1, least(l.waiting, l.max_running - l.running, l.tokens)::integer)
      as n
    order by (l.running + n) / l.weight, l.place
    limit p_room
  )
  select p.key, count(*)::integer, p.rate
  from places as p
  group by p.key, p.place, p.rate
  order by p.place;
$$;


--
-- Name: FUNCTION _shares(p_queue text, p_priority integer, p_keys text[], p_room integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._shares(p_queue text, p_priority integer, p_keys text[], p_room integer) IS 'How many jobs of each key may start now, and the rate they pay for: no more than wait, than its
limits allow, and than its share of p_room by weight; what one key leaves, the others get.';


--
-- Name: _silence(text, text, timestamp with time zone, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._silence(p_rule text, p_about text, p_until timestamp with time zone, p_reason text) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into jobs.alert_silences as s (rule, about, until, reason)
  values (p_rule, p_about, coalesce(p_until, jobs.clock()), p_reason)
  on conflict on constraint alert_silences_pkey do update
  set until = excluded.until, reason = excluded.reason, silenced_at = jobs.clock();
$$;


--
-- Name: FUNCTION _silence(p_rule text, p_about text, p_until timestamp with time zone, p_reason text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._silence(p_rule text, p_about text, p_until timestamp with time zone, p_reason text) IS 'Set the time until which a rule, or one thing of it, is not told.';


--
-- Name: _silenced(text, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._silenced(p_rule text, p_about text) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
  select exists (
    select from jobs.alert_silences as s
    where s.rule = p_rule and s.about in (p_about, '') and s.until > jobs.clock()
  )
$$;


--
-- Name: FUNCTION _silenced(p_rule text, p_about text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._silenced(p_rule text, p_about text) IS 'Somebody has asked not to be told of this for now.';


--
-- Name: _slack_message(text, text[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._slack_message(p_title text, p_lines text[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'text', e.title,
    'blocks', jsonb_build_array(jsonb_build_object(
      'type', 'header',
      'text', jsonb_build_object('type', 'plain_text', 'text', left(p_title, 150))
    )) || (
      select jsonb_agg(jsonb_build_object(
        'type', 'section',
        'text', jsonb_build_object(
          'type', 'mrkdwn',
          'text', left(replace(replace(replace(l.line, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'),
          3000)
        )
      ) order by l.place)
      from unnest(p_lines) with ordinality as l (line, place)
    )
  )
  from (
    select replace(replace(replace(p_title, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')
  ) as e (title);
$$;


--
-- Name: FUNCTION _slack_message(p_title text, p_lines text[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._slack_message(p_title text, p_lines text[]) IS 'A title and lines as Slack takes them: & < > escaped, a header of 150 and sections of 3000
characters, 50 blocks at most. Source: https://docs.slack.dev/reference/block-kit/blocks';


--
-- Name: _stand_still(bigint[], boolean); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._stand_still(p_job_ids bigint[], p_claimed boolean DEFAULT false) RETURNS bigint[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_some  bigint[];
  v_still bigint[] := array[]::bigint[];
begin
  -- A statement for each place, in the order in which jobs move: what moves meanwhile is still met.
  -- A claim that is under way is waited for, and then the job is gone.
  select array_agg(w.job_id)
  from (
    select s.job_id from jobs.scheduled as s
    where s.job_id = any (p_job_ids) and (p_claimed or s.run_no = 0)
    order by s.job_id
    for share
  ) as w
  into v_some;
  v_still := v_still || v_some;

  select array_agg(w.job_id)
  from (
    select p.job_id from jobs.parked as p
    where p.job_id = any (p_job_ids) and (p_claimed or p.run_no = 0)
    order by p.job_id
    for share
  ) as w
  into v_some;
  v_still := v_still || v_some;

  select array_agg(w.job_id)
  from (
    select r.job_id
    from unnest(p_job_ids) as n (job_id)
    cross join lateral (select j.* from jobs.jobs as j where j.job_id = n.job_id offset 0) as j
    join jobs.ready as r
      on r.queue = j.queue and r.priority = j.priority and r.key = j.key and r.seq = n.job_id
    where p_claimed or r.run_no = 0
    order by r.job_id
    for share of r
  ) as w
  into v_some;
  v_still := v_still || v_some;

  select array_agg(w.job_id)
  from (
    select r.job_id from jobs.ready as r
    where r.job_id = any (p_job_ids) and r.seq <> r.job_id and (p_claimed or r.run_no = 0)
    order by r.job_id
    for share
  ) as w
  into v_some;
  return v_still || v_some;
end;
$$;


--
-- Name: FUNCTION _stand_still(p_job_ids bigint[], p_claimed boolean); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._stand_still(p_job_ids bigint[], p_claimed boolean) IS 'Lock those of the jobs that wait where they are, so that nobody claims or moves them before this
transaction ends; returns which. p_claimed: also those that were claimed before and came back.';


--
-- Name: _summed_until(); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._summed_until() RETURNS timestamp with time zone
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(
    (select min(r.hour) from jobs.rolled_hours as r where r.rolled_at is null),
    (select max(r.hour) + interval '1 hour' from jobs.rolled_hours as r),
    case when exists (select from jobs.history as h) then '-infinity'::timestamptz
         else 'infinity' end
  );
$$;


--
-- Name: FUNCTION _summed_until(); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._summed_until() IS 'Up to where the history is summed up, and may be dropped; infinity where there is none.';


--
-- Name: _sweep(); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._sweep() RETURNS integer
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with windows as (
    delete from jobs.unique_keys as u
    where u.ctid = any (array(
      select k.ctid from jobs.unique_keys as k where k.until <= jobs.clock()
        -- While its job is unfinished a key stays taken, however short its window was.
        and jobs._ended(k.job_id)
      limit 1000 for update skip locked
    ))
    returning 1
  ),
  events as (
    delete from jobs.events as e
    where e.emitted_at < jobs.clock() - interval '30 days'
      and not exists (select from jobs.awaits as a where a.event = e.event)
    returning 1
  ),
  progress as (
    delete from jobs.progress as g
    where not exists (
      select from jobs.running as r where r.job_id = g.job_id and r.run_no = g.run_no
    )
    returning 1
  ),
  pauses as (
    delete from jobs.pauses as p where p.until <= jobs.clock() returning 1
  ),
  workers as (
    delete from jobs.workers as w where w.stopped_at < jobs.clock() - interval '1 day' returning 1
  )
  select ((select count(*) from windows) + (select count(*) from events)
          + (select count(*) from pauses) + (select count(*) from workers))::integer;
$$;


--
-- Name: FUNCTION _sweep(); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._sweep() IS 'Remove what is over: windows of unique keys, events, pauses, workers gone for a day. Returns how many.';


--
-- Name: _take_unique_keys(text, bigint[], text[], text, interval, text, timestamp with time zone); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._take_unique_keys(p_kind text, p_job_ids bigint[], p_unique_keys text[], p_mode text, p_for interval, p_until text, p_run_at timestamp with time zone) RETURNS bigint[]
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_over    timestamptz := greatest(jobs.clock(), p_run_at) + p_for;
  v_asked   bigint[];
  v_still   bigint[];
  v_holders bigint[];
begin
  loop
    -- Claims tell nobody that a key is free from then on. Whoever waits unclaimed is locked, so it
    -- is not claimed before this transaction has ended, and then sees what it did.
    select array_agg(u.job_id)
    from jobs.unique_keys as u
    where u.kind = p_kind and u.unique_key = any (p_unique_keys)
      and u.until_claimed and (u.until is null or u.until <= jobs.clock())
    into v_asked;
    if v_asked is not null then
      v_still := jobs._stand_still(v_asked);
    end if;
    delete from jobs.unique_keys as u
    where u.kind = p_kind and u.unique_key = any (p_unique_keys)
      and (u.until is null and u.until_claimed or u.until <= jobs.clock())
      and case when u.until_claimed
        then u.job_id = any (v_asked) and u.job_id <> all (v_still)
        else jobs._ended(u.job_id)
      end;

    -- In the order of the keys: two callers with the same keys must not wait for each other.
    if p_mode in ('ignore', 'reject') then
      -- Nothing is locked where the key is taken, so a long transaction that asks for it
      -- does not hold up the holder's end. Of two with one key the first is meant.
      insert into jobs.unique_keys (kind, unique_key, job_id, until, until_claimed)
      select p_kind, n.unique_key, n.job_id, v_over, p_until = 'claimed'
      from unnest(p_job_ids, p_unique_keys) as n (job_id, unique_key)
      where n.unique_key is not null
      order by n.unique_key, n.job_id
      on conflict (kind, unique_key) do nothing;
    else
      -- The key stays locked, for its holder is about to be changed. Of two the last is meant.
      insert into jobs.unique_keys as u (kind, unique_key, job_id, until, until_claimed)
      select distinct on (n.unique_key)
             p_kind, n.unique_key, n.job_id, v_over, p_until = 'claimed'
      from unnest(p_job_ids, p_unique_keys) as n (job_id, unique_key)
      where n.unique_key is not null
      order by n.unique_key, n.job_id desc
      on conflict (kind, unique_key) do update set job_id = u.job_id;
    end if;

    select array_agg(coalesce(u.job_id, case when n.unique_key is null then n.job_id end)
                     order by n.place),
           array_agg(u.job_id) filter (
             where u.until_claimed and (u.until is null or u.until <= jobs.clock())
               and u.job_id <> all (p_job_ids)
           )
    from unnest(p_job_ids, p_unique_keys) with ordinality as n (job_id, unique_key, place)
    left join jobs.unique_keys as u on u.kind = p_kind and u.unique_key = n.unique_key
    into v_holders, v_asked;
    -- A holder that ended between two statements leaves a gap, and one that came was not asked to
    -- stand still: once more.
    exit when array_position(v_holders, null) is null
      and (v_asked is null or v_asked <@ v_still or p_mode not in ('ignore', 'reject'));
  end loop;
  return v_holders;
end;
$$;


--
-- Name: FUNCTION _take_unique_keys(p_kind text, p_job_ids bigint[], p_unique_keys text[], p_mode text, p_for interval, p_until text, p_run_at timestamp with time zone); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._take_unique_keys(p_kind text, p_job_ids bigint[], p_unique_keys text[], p_mode text, p_for interval, p_until text, p_run_at timestamp with time zone) IS 'Take unique keys for new jobs; returns who holds each: the new job itself, or another. A job
without a unique key holds itself. With a mode that replaces, the keys stay locked.';


--
-- Name: _tell(jobs.running, jsonb); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._tell(p_job jobs.running, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_settle  text;
  v_payload jsonb;
  v_outside bigint := nullif(current_setting('jobs.run_id', true), '')::bigint;
  v_reply   jsonb;
begin
  select k.settle, j.payload
  from jobs.jobs as j
  join jobs.kinds as k on k.kind = j.kind
  where j.job_id = p_job.job_id
  into v_settle, v_payload;
  if v_settle is null then
    return null;
  end if;
  -- What follows a job of a run belongs to the run; what the caller does next does not.
  perform jobs._enter_run(p_job.run_id);
  execute format('select %I.%I($1, $2, $3)', split_part(v_settle, '.', 1),
    split_part(v_settle, '.', 2))
  using p_job.job_id, v_payload, p_result
  into v_reply;
  perform jobs._enter_run(v_outside);
  return v_reply;
end;
$_$;


--
-- Name: FUNCTION _tell(p_job jobs.running, p_result jsonb); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._tell(p_job jobs.running, p_result jsonb) IS 'Call the settle function of a job''s kind, if it has one, and return what it says.';


--
-- Name: _try_again(jobs.running, jobs.kinds, double precision, text, text, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._try_again(p_job jobs.running, p_kind jobs.kinds, p_after double precision, p_reason text, p_code text, p_end text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_wait interval;
begin
  p_job.failures := p_job.failures + 1;
  if p_job.failures >= p_kind.max_attempts then
    return jobs._finish(p_job, p_end, p_reason, p_code);
  end if;

  perform jobs._count('jobs.retried_runs');
  -- Between half of it and half more, so that what failed together does not come back together.
  v_wait := coalesce(
    make_interval(secs => p_after),
    least(p_kind.backoff_cap, p_kind.backoff_base * 2 ^ least(p_job.failures - 1, 30))
      * (0.5 + random())
  );
  insert into jobs.history (
    job_id, started_at, finished_at, run_no, worker_id, failures, state, code, reason
  )
  values (p_job.job_id, p_job.started_at, jobs.clock(), p_job.run_no, p_job.worker_id,
          p_job.failures, 'retry', p_code, p_reason);
  return jobs._put_in_line(p_job, jobs.clock() + v_wait, p_reason);
end;
$$;


--
-- Name: FUNCTION _try_again(p_job jobs.running, p_kind jobs.kinds, p_after double precision, p_reason text, p_code text, p_end text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._try_again(p_job jobs.running, p_kind jobs.kinds, p_after double precision, p_reason text, p_code text, p_end text) IS 'Count a failure and let the job wait: p_after seconds, or as its kind backs off. After the last
attempt it ends as p_end (failed or unknown).';


--
-- Name: _unpark(bigint[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._unpark(p_job_ids bigint[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_freed integer;
begin
  with freed as (
    delete from jobs.parked as p where p.job_id = any (p_job_ids) returning p.*
  ),
  later as (
    insert into jobs.scheduled (
      job_id, run_id, run_at, run_no, failures, priority, is_unique, queue, kind, key
    )
    select f.job_id, f.run_id, f.run_at, f.run_no, f.failures, f.priority, f.is_unique, f.queue,
           f.kind, f.key
    from freed as f
    where f.run_at > jobs.clock()
  ),
  now as (
    insert into jobs.ready (
      seq, job_id, run_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
    )
    select (jobs._new_ids(1))[1], f.job_id, f.run_id, jobs.clock(), f.run_no, f.failures,
           f.priority, f.is_unique, f.queue, f.kind, f.key
    from freed as f
    where f.run_at is null or f.run_at <= jobs.clock()
  )
  select count(*) from freed into v_freed;
  if v_freed > 0 then
    perform jobs._wake('');
  end if;
  return v_freed;
end;
$$;


--
-- Name: FUNCTION _unpark(p_job_ids bigint[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._unpark(p_job_ids bigint[]) IS 'Put parked jobs in line, or let them wait for their time; returns how many there were.';


--
-- Name: _utc_offset(timestamp with time zone, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._utc_offset(p_at timestamp with time zone, p_time_zone text) RETURNS interval
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select (p_at at time zone p_time_zone) - (p_at at time zone 'UTC');
$$;


--
-- Name: FUNCTION _utc_offset(p_at timestamp with time zone, p_time_zone text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._utc_offset(p_at timestamp with time zone, p_time_zone text) IS 'How far a time zone''s clock is ahead of UTC at a moment.';


--
-- Name: _wait_for(bigint[], bigint[], text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._wait_for(p_job_ids bigint[], p_after bigint[], p_policy text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_unknown bigint;
begin
  select a.parent_id
  from unnest(p_after) as a (parent_id)
  where not exists (select from jobs.jobs as j where j.job_id = a.parent_id)
  limit 1
  into v_unknown;
  if found then
    raise exception using
      errcode = 'JQ009',
      message = 'There is no such job.',
      detail  = format('job_id=%s', v_unknown),
      hint    = 'p_after names jobs that are there already.';
  end if;
  insert into jobs.waits (job_id, parent_id, policy)
  select distinct p.job_id, a.parent_id, p_policy
  from jobs.parked as p
  cross join unnest(p_after) as a (parent_id)
  where p.job_id = any (p_job_ids);
  -- They may have ended before.
  perform jobs._look_after(p_job_ids);
end;
$$;


--
-- Name: FUNCTION _wait_for(p_job_ids bigint[], p_after bigint[], p_policy text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._wait_for(p_job_ids bigint[], p_after bigint[], p_policy text) IS 'Have these new jobs wait for others. Raises JQ009 (one of them is not there).';


--
-- Name: _wake(text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._wake(p_queue text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_now bigint := extract(epoch from clock_timestamp()) * 1000;
begin
  -- A commit that notifies takes a lock on the whole database, so 50 a second are enough for all
  -- queues: a worker that was woken polls after 25 ms and finds what was left out here.
  -- A sequence, for a row would keep a dead version of each of them.
  if v_now - (select w.last_value from jobs.last_wake as w) not between 0 and 19 then
    perform setval('jobs.last_wake', v_now);
    perform pg_notify('jobs', p_queue);
  end if;
end;
$$;


--
-- Name: FUNCTION _wake(p_queue text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._wake(p_queue text) IS 'Tell waiting workers that there is work in a queue, or in some (empty), at most every 20 ms.';


--
-- Name: _watch(); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._watch() RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_rule  jobs.alert_rules;
  v_found integer := 0;
  v_error text;
begin
  for v_rule in
    select r.* from jobs.alert_rules as r where r.enabled order by r.rule
  loop
    v_error := null;
    -- The function may be another room's. If it fails, its alerts stay as they are: not to know is
    -- not to know that it is over.
    begin
      v_found := v_found + jobs._note_alerts(v_rule);
    exception
      when others then
        v_error := format('%s (%s)', sqlerrm, sqlstate);
    end;
    update jobs.alert_rules as r set error = v_error
    where r.rule = v_rule.rule and r.error is distinct from v_error;
  end loop;

  update jobs.alerts as a
  set resolved_at = jobs.clock()
  from jobs.alert_rules as r
  where r.rule = a.rule and a.resolved_at is null
    and (not r.enabled or r.error is null and a.last_seen <= jobs.clock() - r.clear_after)
    and a.last_seen < jobs.clock();
  perform jobs._note_news();
  return v_found;
end;
$$;


--
-- Name: FUNCTION _watch(); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._watch() IS 'Ask every rule what is wrong now: open alerts, keep them up to date, end them, and have channels
told. Returns how many alerts are seen now.';


--
-- Name: _withdraw(bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._withdraw(p_job_id bigint) RETURNS jobs.running
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_job jobs.running;
begin
  v_job.job_id := p_job_id;
  v_job.settles := true;

  -- Jobs move from scheduled and parked to ready, not back: looked for in this order, one that
  -- moves meanwhile is still met. A claim that has it is waited for, and then it is gone.
  delete from jobs.scheduled as s where s.job_id = p_job_id
  returning s.run_id, s.run_no, s.failures, s.priority, s.is_unique, s.queue, s.kind, s.key
  into v_job.run_id, v_job.run_no, v_job.failures, v_job.priority, v_job.is_unique, v_job.queue,
       v_job.kind, v_job.key;
  if found then
    return v_job;
  end if;

  delete from jobs.parked as p where p.job_id = p_job_id
  returning p.run_id, p.run_no, p.failures, p.priority, p.is_unique, p.queue, p.kind, p.key
  into v_job.run_id, v_job.run_no, v_job.failures, v_job.priority, v_job.is_unique, v_job.queue,
       v_job.kind, v_job.key;
  if found then
    delete from jobs.waits as w where w.job_id = p_job_id and w.state is null;
    delete from jobs.awaits as a where a.job_id = p_job_id;
    return v_job;
  end if;

  delete from jobs.ready as r
  using jobs.jobs as j
  where j.job_id = p_job_id
    and r.queue = j.queue and r.priority = j.priority and r.key = j.key and r.seq = p_job_id
  returning r.run_id, r.run_no, r.failures, r.priority, r.is_unique, r.queue, r.kind, r.key
  into v_job.run_id, v_job.run_no, v_job.failures, v_job.priority, v_job.is_unique, v_job.queue,
       v_job.kind, v_job.key;
  if found then
    return v_job;
  end if;

  delete from jobs.ready as r where r.job_id = p_job_id and r.seq <> r.job_id
  returning r.run_id, r.run_no, r.failures, r.priority, r.is_unique, r.queue, r.kind, r.key
  into v_job.run_id, v_job.run_no, v_job.failures, v_job.priority, v_job.is_unique, v_job.queue,
       v_job.kind, v_job.key;
  if found then
    return v_job;
  end if;
  return null;
end;
$$;


--
-- Name: FUNCTION _withdraw(p_job_id bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._withdraw(p_job_id bigint) IS 'Take a job that nobody runs out of its place; null if it is running or has ended.';


--
-- Name: _withdraw_many(bigint[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._withdraw_many(p_job_ids bigint[]) RETURNS TABLE(job_id bigint, run_no integer)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- A statement for each place, as in jobs._withdraw.
  return query
  delete from jobs.scheduled as s where s.job_id = any (p_job_ids) returning s.job_id, s.run_no;

  return query
  delete from jobs.ready as r
  using unnest(p_job_ids) as n (job_id)
  cross join lateral (select j.* from jobs.jobs as j where j.job_id = n.job_id offset 0) as j
  where r.queue = j.queue and r.priority = j.priority and r.key = j.key and r.seq = n.job_id
  returning r.job_id, r.run_no;

  return query
  delete from jobs.ready as r
  where r.job_id = any (p_job_ids) and r.seq <> r.job_id
  returning r.job_id, r.run_no;
end;
$$;


--
-- Name: FUNCTION _withdraw_many(p_job_ids bigint[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._withdraw_many(p_job_ids bigint[]) IS 'Take those of the jobs that are ready, or wait for their time, out of their places.';


--
-- Name: _write_anew(bigint[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs._write_anew(p_job_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- A claim that began before this commits reads payloads as they were then. It does not meet rows
  -- written after; a row that is only locked, it would meet once the lock is gone.
  with gone as (
    delete from jobs.ready as r
    using unnest(p_job_ids) as n (job_id)
    cross join lateral (select j.* from jobs.jobs as j where j.job_id = n.job_id offset 0) as j
    where r.queue = j.queue and r.priority = j.priority and r.key = j.key and r.seq = n.job_id
    returning r.*
  )
  insert into jobs.ready select g.* from gone as g;

  with gone as (
    delete from jobs.ready as r
    where r.job_id = any (p_job_ids) and r.seq <> r.job_id
    returning r.*
  )
  insert into jobs.ready select g.* from gone as g;
end;
$$;


--
-- Name: FUNCTION _write_anew(p_job_ids bigint[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs._write_anew(p_job_ids bigint[]) IS 'Have whoever claims these ready jobs see their payloads as they are now; their places stay the same.';


--
-- Name: alert_clock_trouble(double precision, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.alert_clock_trouble(p_bound double precision, p_span interval) RETURNS TABLE(about text, said text, times bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select c.chore, format('Part %s of jobs.tick failed: %s', c.chore, left(c.error, 300)), 1
  from jobs.chores as c
  where c.error is not null
  union all
  select 'rule ' || r.rule, format('The alert rule %s failed: %s', r.rule, left(r.error, 300)), 1
  from jobs.alert_rules as r
  where r.enabled and r.error is not null;
$$;


--
-- Name: FUNCTION alert_clock_trouble(p_bound double precision, p_span interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.alert_clock_trouble(p_bound double precision, p_span interval) IS 'Rule: something that jobs.tick does, or an alert rule, failed the last time.';


--
-- Name: alert_dead_jobs(double precision, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.alert_dead_jobs(p_bound double precision, p_span interval) RETURNS TABLE(about text, said text, times bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select concat_ws(' ', k.kind, d.code),
         format('%s %s of kind %s died. The last: %s', count(*),
                case count(*) when 1 then 'job' else 'jobs' end, k.kind,
                left((array_agg(d.reason order by d.died_at desc))[1], 300)),
         count(*)
  from (
    select d.job_id, d.code, d.reason, d.died_at
    from jobs.dead_letters as d
    -- That a delivery failed is jobs.alert_deaf_channels's to say.
    where d.died_at > jobs.clock() - p_span and d.queue <> 'alerts'
    order by d.died_at desc
    limit 1000
  ) as d
  cross join lateral (
    select j.kind from jobs.jobs as j where j.job_id = d.job_id offset 0
  ) as k
  group by k.kind, d.code
  having count(*) > p_bound;
$$;


--
-- Name: FUNCTION alert_dead_jobs(p_bound double precision, p_span interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.alert_dead_jobs(p_bound double precision, p_span interval) IS 'Rule: more than p_bound jobs of a kind died of the same code within p_span and nobody retried
them.
It looks at the newest 1000.';


--
-- Name: alert_deaf_channels(double precision, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.alert_deaf_channels(p_bound double precision, p_span interval) RETURNS TABLE(about text, said text, times bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select c.channel,
         format('The last delivery to %s %s: %s', c.channel,
                case n.outcome when 'failed' then 'failed' else 'may have failed' end,
                coalesce(left(n.reason, 300), 'nobody knows why')),
         (select count(*) from jobs.alert_notices as m
          where m.channel = c.channel and m.outcome in ('failed', 'unknown')
            and m.ended_at > jobs.clock() - p_span)
  from jobs.alert_channels as c
  cross join lateral (
    select n.outcome, n.reason, n.ended_at
    from jobs.alert_notices as n
    where n.channel = c.channel and n.outcome in ('done', 'failed', 'unknown')
    order by n.ended_at desc
    limit 1
  ) as n
  where c.enabled and n.outcome in ('failed', 'unknown') and n.ended_at > jobs.clock() - p_span;
$$;


--
-- Name: FUNCTION alert_deaf_channels(p_bound double precision, p_span interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.alert_deaf_channels(p_bound double precision, p_span interval) IS 'Rule: what was told last to a channel, within p_span, did not arrive, or nobody knows. It is not told there.';


--
-- Name: alert_failed_runs(double precision, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.alert_failed_runs(p_bound double precision, p_span interval) RETURNS TABLE(about text, said text, times bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select s.schedule,
         format('Run %s of %s %s: %s.', l.run_id, s.schedule,
                case l.status when 'failed' then 'failed' else 'failed in part' end,
                coalesce(left(l.error, 300), format('%s of its jobs died', l.failed))),
         greatest(l.failed, 1)
  from jobs.schedules as s
  cross join lateral (
    select l.* from jobs.run_log as l
    where l.name = s.schedule and l.finished_at is not null
    order by l.started_at desc
    limit 1
  ) as l
  where l.status in ('failed', 'partly') and l.failed >= p_bound
    and l.finished_at > jobs.clock() - p_span;
$$;


--
-- Name: FUNCTION alert_failed_runs(p_bound double precision, p_span interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.alert_failed_runs(p_bound double precision, p_span interval) IS 'Rule: the last run of a schedule, ended within p_span, failed or failed in part, with at least p_bound dead jobs.';


--
-- Name: alert_held_horizon(double precision, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.alert_held_horizon(p_bound double precision, p_span interval) RETURNS TABLE(about text, said text, times bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select b.held_by,
    format('%s keeps vacuum from cleaning up since %s.', b.what, date_trunc('second', b.age)), 1
  from jobs.xmin_blockers as b
  where b.age > make_interval(secs => p_bound) + p_span
  order by b.age desc
  limit 1;
$$;


--
-- Name: FUNCTION alert_held_horizon(p_bound double precision, p_span interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.alert_held_horizon(p_bound double precision, p_span interval) IS 'Rule: somebody has held the oldest snapshot for more than p_bound seconds and p_span; only the worst is told.';


--
-- Name: alert_missed_runs(double precision, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.alert_missed_runs(p_bound double precision, p_span interval) RETURNS TABLE(about text, said text, times bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select m.schedule,
         format('Schedule %s was due at %s UTC and has not run.', m.schedule,
                to_char(min(m.due) at time zone 'UTC', 'YYYY-MM-DD HH24:MI')),
         count(*)
  from (
    select s.schedule, s.next_at as due
    from jobs.schedules as s
    where s.enabled and s.next_at < jobs.clock() - p_span
    union all
    -- It was fired in time, but nobody has taken the job that runs it.
    select l.name, l.started_at
    from jobs.run_log as l
    where l.finished_at is null and l.returned_at is null and l.started_at < jobs.clock() - p_span
      and not exists (
        select from jobs.running as r
        join jobs.jobs as j on j.job_id = r.job_id
        where r.kind = 'jobs.run_schedule' and (j.payload ->> 'run_id')::bigint = l.run_id
      )
  ) as m
  group by m.schedule
  having count(*) > p_bound;
$$;


--
-- Name: FUNCTION alert_missed_runs(p_bound double precision, p_span interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.alert_missed_runs(p_bound double precision, p_span interval) IS 'Rule: more than p_bound runs of a schedule were due longer than p_span ago, and its function has
not even begun.';


--
-- Name: alert_old_ready(double precision, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.alert_old_ready(p_bound double precision, p_span interval) RETURNS TABLE(about text, said text, times bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select l.queue,
         format('The oldest ready job of queue %s has waited for %s; %s.', l.queue,
                date_trunc('second', max(jobs.clock() - l.oldest_at)),
                case when exists (
                  select from jobs.workers as w
                  where w.stopped_at is null and w.lease_until > jobs.clock()
                    and l.queue = any (w.queues)
                ) then 'its workers do not keep up' else 'no worker serves it' end),
         count(*)
  from jobs.lines as l
  where not l.held and l.oldest_at < jobs.clock() - make_interval(secs => p_bound) - p_span
  group by l.queue;
$$;


--
-- Name: FUNCTION alert_old_ready(p_bound double precision, p_span interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.alert_old_ready(p_bound double precision, p_span interval) IS 'Rule: in a queue, or for a key of it, that nobody and no service holds up, a job has been ready
for more than p_bound seconds and p_span. times is how many keys wait so.';


--
-- Name: alert_repeated_errors(double precision, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.alert_repeated_errors(p_bound double precision, p_span interval) RETURNS TABLE(about text, said text, times bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select concat_ws(' ', k.kind, h.code, left(jobs._gist(h.reason), 60)),
         format('%s runs of kind %s failed alike: %s', count(*), k.kind,
                left((array_agg(h.reason order by h.finished_at desc))[1], 300)),
         count(*)
  from (
    select h.job_id, h.code, h.reason, h.finished_at
    from jobs.history as h
    where h.finished_at > jobs.clock() - p_span
      and h.state in ('failed', 'unknown', 'retry', 'lost')
    order by h.finished_at desc
    limit 5000
  ) as h
  cross join lateral (
    select j.kind, j.queue from jobs.jobs as j where j.job_id = h.job_id offset 0
  ) as k
  where k.queue <> 'alerts'
  group by k.kind, h.code, jobs._gist(h.reason)
  having count(*) >= p_bound;
$$;


--
-- Name: FUNCTION alert_repeated_errors(p_bound double precision, p_span interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.alert_repeated_errors(p_bound double precision, p_span interval) IS 'Rule: at least p_bound runs of a kind failed with the same words within p_span. It looks at the newest 5000.';


--
-- Name: alert_slow_jobs(double precision, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.alert_slow_jobs(p_bound double precision, p_span interval) RETURNS TABLE(about text, said text, times bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with usual as (
    -- What 95 of 100 runs stayed under. Twice the median would be every other picture.
    select h.kind, sum(h.run_p95 * (h.done + h.failed)) / sum(h.done + h.failed) as p95
    from jobs.history_hours as h
    where h.hour > jobs.clock() - interval '7 days' and h.run_p95 is not null
    group by h.kind
    having sum(h.done + h.failed) >= 20
  )
  select r.kind,
         format('%s %s of kind %s run for up to %s; usual is %s.', count(*),
                case count(*) when 1 then 'job' else 'jobs' end, r.kind,
                date_trunc('second', max(jobs.clock() - r.started_at)),
                date_trunc('milliseconds', max(u.p95))),
         count(*)
  from jobs.running as r
  join usual as u on u.kind = r.kind
  where r.queue <> 'alerts'
    and jobs.clock() - r.started_at > greatest(u.p95 * p_bound, p_span)
  group by r.kind;
$$;


--
-- Name: FUNCTION alert_slow_jobs(p_bound double precision, p_span interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.alert_slow_jobs(p_bound double precision, p_span interval) IS 'Rule: a job runs longer than p_bound times what 95 of 100 runs of its kind took in the last 7
days, and longer than p_span. Needs 20 runs to know what is usual.';


--
-- Name: alert_slow_runs(double precision, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.alert_slow_runs(p_bound double precision, p_span interval) RETURNS TABLE(about text, said text, times bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select l.name,
         format('Run %s of %s takes %s so far; usual is %s.', l.run_id, l.name,
                date_trunc('second', jobs.clock() - l.started_at), date_trunc('second', u.usual)),
         1
  from jobs.run_log as l
  cross join lateral (
    select percentile_cont(0.5) within group (order by e.took) as usual, count(*) as runs
    from (
      select e.finished_at - e.started_at as took
      from jobs.run_log as e
      where e.name = l.name and e.finished_at is not null and e.status in ('succeeded', 'partly')
      order by e.started_at desc
      limit 20
    ) as e
  ) as u
  where l.finished_at is null and u.runs >= 3
    and jobs.clock() - l.started_at > greatest(u.usual * p_bound, p_span);
$$;


--
-- Name: FUNCTION alert_slow_runs(p_bound double precision, p_span interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.alert_slow_runs(p_bound double precision, p_span interval) IS 'Rule: a run of a schedule takes longer than p_bound times the median of its last 20, and longer
than
p_span. Needs 3 runs that ended to know what is usual.';


--
-- Name: alert_success_share(double precision, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.alert_success_share(p_bound double precision, p_span interval) RETURNS TABLE(about text, said text, times bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select h.kind,
         format('Of %s jobs of kind %s that ended since %s UTC, %s %% were done.',
                sum(h.done + h.failed + h.unknown), h.kind,
                to_char(min(h.hour) at time zone 'UTC', 'HH24:MI'),
                round(100.0 * sum(h.done) / sum(h.done + h.failed + h.unknown), 1)),
         sum(h.failed + h.unknown)::bigint
  from jobs.history_hours as h
  where h.hour > jobs.clock() - p_span - interval '2 hours'
    and h.hour > (
      select max(r.hour) from jobs.rolled_hours as r where r.rolled_at is not null
    ) - p_span
    and h.queue <> 'alerts'
  group by h.kind
  having sum(h.done + h.failed + h.unknown) >= 20
     and sum(h.done) < p_bound * sum(h.done + h.failed + h.unknown);
$$;


--
-- Name: FUNCTION alert_success_share(p_bound double precision, p_span interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.alert_success_share(p_bound double precision, p_span interval) IS 'Rule: of the jobs of a kind that ended within the last p_span of whole hours that are summed up
(20 at least; skipped and cancelled ones do not count), a smaller share than p_bound was done.';


--
-- Name: alert_unhandled_kinds(double precision, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.alert_unhandled_kinds(p_bound double precision, p_span interval) RETURNS TABLE(about text, said text, times bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with alive as materialized (
    select w.kinds
    from jobs.workers as w
    where w.stopped_at is null and w.lease_until > jobs.clock()
  ),
  unhandled as materialized (
    select k.kind, k.queue
    from jobs.kinds as k
    where not k.in_sql and exists (select from alive as a)
      and not exists (select from alive as a where a.kinds is null or k.kind = any (a.kinds))
  )
  select u.kind,
         format('Jobs of the kind %s wait, and no worker that is alive has a handler for it.',
                u.kind),
         count(*)
  from unhandled as u
  cross join lateral (
    select r.kind, r.ready_at as since
    from (select r.kind, r.ready_at from jobs.ready as r where r.queue = u.queue limit 10001) as r
    union all
    -- A worker had it, and could do nothing with it.
    select s.kind, j.created_at
    from (
      select s.kind, s.job_id from jobs.scheduled as s
      where s.why is not null
      order by s.run_at
      limit 10001
    ) as s
    join jobs.jobs as j on j.job_id = s.job_id
  ) as w
  where w.kind = u.kind and w.since < jobs.clock() - p_span
  group by u.kind
  having count(*) > p_bound;
$$;


--
-- Name: FUNCTION alert_unhandled_kinds(p_bound double precision, p_span interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.alert_unhandled_kinds(p_bound double precision, p_span interval) IS 'Rule: more than p_bound jobs of a kind have waited for longer than p_span, among the first
10,000 of its queue, and of the workers that are alive none has a handler for it.';


--
-- Name: await_event(bigint, integer, text, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.await_event(p_job_id bigint, p_run_no integer, p_event text, p_timeout interval DEFAULT NULL::interval) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_job   jobs.running := jobs._hold_run(p_job_id, p_run_no);
  v_step  text := 'event:' || p_event;
  v_heard jsonb;
begin
  select s.value from jobs.steps as s where s.job_id = p_job_id and s.step = v_step into v_heard;
  if found then
    return v_heard;
  end if;

  -- Whoever emits it holds the same lock. Either its event is seen by the next statement, or we are
  -- there before it looks for who waits.
  perform pg_advisory_xact_lock(80, hashtext(p_event));
  insert into jobs.steps (job_id, step, begun_at, done_at, value)
  select p_job_id, v_step, jobs.clock(), jobs.clock(),
         jsonb_build_object('state', 'here', 'value', e.value)
  from jobs.events as e where e.event = p_event
  returning steps.value into v_heard;
  if found then
    return v_heard;
  end if;

  if jobs._set_aside(v_job) then
    delete from jobs.running as r where r.job_id = p_job_id;
    insert into jobs.parked (
      job_id, run_id, parked_at, run_no, failures, priority, is_unique, queue, kind, key, why
    )
    values (v_job.job_id, v_job.run_id, jobs.clock(), v_job.run_no, v_job.failures, v_job.priority,
            v_job.is_unique, v_job.queue, v_job.kind, v_job.key,
            format('Waits for the event %s.', p_event));
    insert into jobs.awaits (job_id, event, until)
    values (p_job_id, p_event, jobs.clock() + p_timeout);
  end if;
  return jsonb_build_object('state', 'parked');
end;
$$;


--
-- Name: FUNCTION await_event(p_job_id bigint, p_run_no integer, p_event text, p_timeout interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.await_event(p_job_id bigint, p_run_no integer, p_event text, p_timeout interval) IS 'Have a running job wait for an event, however long ago it was emitted.
{"state": "here", "value"}: go on. {"state": "timed out"}: go on without. {"state": "parked"}: the
run is over, stop; the job runs again when the event comes, or when p_timeout is over, and asks the
same. What it was told once, it is told again. Costs no attempt.
Raises JQ033 (not the present run).';


--
-- Name: cancel(bigint, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.cancel(p_job_id bigint, p_reason text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_reason text := coalesce(p_reason, 'cancelled');
  v_job    jobs.running;
begin
  -- A job may move while we look: from where it waits to a worker, and back. It soon holds still.
  loop
    update jobs.running as r set cancel_reason = v_reason where r.job_id = p_job_id;
    if found then
      return 'cancelling';
    end if;

    begin
      -- The unique key before the job, as in jobs._replace.
      perform from jobs.unique_keys as u where u.job_id = p_job_id for update;
      v_job := jobs._withdraw(p_job_id);
      if v_job.job_id is null then
        -- Let go of the key: whoever ends a run has the job, and asks for the key last.
        raise no_data_found;
      end if;
    exception
      when no_data_found then
        null;
    end;
    if v_job.job_id is not null then
      v_job.run_no := v_job.run_no + 1;
      return jobs._finish(v_job, 'cancelled', v_reason);
    end if;

    exit when not exists (select from jobs.jobs as j where j.job_id = p_job_id);
    if jobs._ended(p_job_id) then
      return 'ended';
    end if;
  end loop;

  raise exception using
    errcode = 'JQ009',
    message = 'There is no such job.',
    detail  = format('job_id=%s', p_job_id);
end;
$$;


--
-- Name: FUNCTION cancel(p_job_id bigint, p_reason text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.cancel(p_job_id bigint, p_reason text) IS 'Stop a job. Returns cancelled; cancelling, where a worker has it and is told with its next
heartbeat (5 s); or ended, where it had ended before. Raises JQ009 (no such job).';


--
-- Name: claim(integer, text, integer, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.claim(p_worker_id integer, p_queue text, p_limit integer DEFAULT 1, p_after_key text DEFAULT NULL::text) RETURNS TABLE(job_id bigint, run_no integer, kind text, key text, payload jsonb, failures smallint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET jit TO 'off'
    AS $$
declare
  -- One claim in sixteen asks the idle first, so that they are not left for ever.
  v_sign integer := case when random() < 0.0625 then -1 else 1 end;
  v_room integer;
  v_got  integer;
  v_band integer;
begin
  -- Limits are counted by a statement that sees what the last holder of their lock committed.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'JQ006',
      message = 'Jobs are claimed in read committed transactions only.',
      detail  = format('transaction_isolation=%s', current_setting('transaction_isolation'));
  end if;

  -- Shared with the worker's other claims. jobs.reap takes it alone before it declares the worker
  -- dead, so no claim can slip in behind it.
  perform pg_advisory_xact_lock_shared(78, p_worker_id);
  perform from jobs.workers as w where w.worker_id = p_worker_id and w.stopped_at is null;
  if not found then
    perform jobs._refuse_worker(p_worker_id);
  end if;

  perform jobs._promote(1000);
  v_room := jobs._room_in_queue(p_queue, p_limit);
  for v_band in
    select b
    from generate_series(0, 3) as b
    -- With a limit, for an exists would be made a join that reads the whole queue.
    cross join lateral (
      select from jobs.ready as r where r.queue = p_queue and r.priority = b limit 1
    ) as r
    order by b * v_sign
  loop
    exit when v_room <= 0;
    return query
    select t.job_id, t.run_no, t.kind, t.key, t.payload, t.failures
    from jobs._claim_band(p_worker_id, p_queue, v_band, v_room, p_after_key) as t;
    get diagnostics v_got = row_count;
    v_room := v_room - v_got;
  end loop;
end;
$$;


--
-- Name: FUNCTION claim(p_worker_id integer, p_queue text, p_limit integer, p_after_key text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.claim(p_worker_id integer, p_queue text, p_limit integer, p_after_key text) IS 'Give up to p_limit ready jobs of a queue to a worker: urgent before idle, keys in turn within a
priority, first come first served within a key, and never more of a key or queue than its limits
allow.
p_after_key: the key of the last job that the caller got; the turn goes on behind it.
Be its own transaction: keys with limits are closed to others until it ends.
Raises JQ005 (worker not signed on), JQ006 (wrong isolation level).';


--
-- Name: clock(); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.clock() RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ select statement_timestamp() $$;


--
-- Name: FUNCTION clock(); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.clock() IS 'The time that every rule goes by: when the present statement began. Tests move it.';


--
-- Name: close_batch(bigint, text, jsonb, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.close_batch(p_batch_id bigint, p_kind text DEFAULT NULL::text, p_payload jsonb DEFAULT '{}'::jsonb, p_policy text DEFAULT 'on_any'::text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if p_kind is not null and not exists (select from jobs.kinds as k where k.kind = p_kind) then
    perform jobs._refuse_kind(p_kind);
  end if;
  perform jobs._lock_batch(p_batch_id);
  update jobs.run_log as l
  set returned_at = jobs.clock(), final_kind = p_kind, final_payload = p_payload,
      final_policy = p_policy,
      items = (select count(*) from jobs.jobs as j where j.run_id = p_batch_id)
  where l.run_id = p_batch_id;
  perform jobs._end_runs(p_batch_id);
  return (select l.status from jobs.run_log as l where l.run_id = p_batch_id);
end;
$$;


--
-- Name: FUNCTION close_batch(p_batch_id bigint, p_kind text, p_payload jsonb, p_policy text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.close_batch(p_batch_id bigint, p_kind text, p_payload jsonb, p_policy text) IS 'Nothing more joins the batch; when its last job ends, it ends. Then a job of p_kind is enqueued
with p_payload and {"batch_id"}: with p_policy on_any always, on_success if none of the batch is
dead, on_failure if one is. Returns how the batch stands: running until it has ended.
Raises JQ002 (unknown kind), JQ032 (no open batch).';


--
-- Name: complete_many(bigint[], integer[], jsonb[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.complete_many(p_job_ids bigint[], p_run_nos integer[], p_results jsonb[] DEFAULT NULL::jsonb[]) RETURNS bigint[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET jit TO 'off'
    AS $$
declare
  v_done   bigint[];
  v_unique bigint[];
begin
  with ended as (
    delete from jobs.running as r
    using unnest(p_job_ids, p_run_nos, p_results) as d (job_id, run_no, result)
    -- The fence: a run that was taken away meanwhile has another number by now, or no row.
    where r.job_id = d.job_id and r.run_no = d.run_no and not r.settles
    returning r.*, d.result
  ),
  kept as (
    insert into jobs.history (
      job_id, started_at, finished_at, run_no, worker_id, failures, state, result
    )
    select e.job_id, e.started_at, jobs.clock(), e.run_no, e.worker_id, e.failures, 'done',
           case when pg_column_size(e.result) <= 8192 then e.result end
    from ended as e
  )
  select array_agg(e.job_id), array_agg(e.job_id) filter (where e.is_unique)
  from ended as e
  into v_done, v_unique;

  if coalesce(cardinality(v_done), 0) < cardinality(p_job_ids) then
    perform jobs._count(
      'jobs.stale_reports', cardinality(p_job_ids) - coalesce(cardinality(v_done), 0)
    );
  end if;
  if v_unique is not null then
    perform jobs._free_unique_keys(v_unique);
  end if;
  -- One look into an index that is empty wherever nobody waits for another.
  if v_done is not null and exists (select from jobs.waits as w where w.state is null) then
    perform jobs._resolve(v_done);
  end if;
  return coalesce(v_done, '{}');
end;
$$;


--
-- Name: FUNCTION complete_many(p_job_ids bigint[], p_run_nos integer[], p_results jsonb[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.complete_many(p_job_ids bigint[], p_run_nos integer[], p_results jsonb[]) IS 'End runs as done; returns the ids of those that counted. The others were too late (their lease
ran out and somebody else has them), or are of a kind with a settle function: those go to
jobs.settle.';


--
-- Name: drop_step(bigint, integer, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.drop_step(p_job_id bigint, p_run_no integer, p_step text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform jobs._hold_run(p_job_id, p_run_no);
  delete from jobs.steps as s
  where s.job_id = p_job_id and s.step = p_step and s.done_at is null;
end;
$$;


--
-- Name: FUNCTION drop_step(p_job_id bigint, p_run_no integer, p_step text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.drop_step(p_job_id bigint, p_run_no integer, p_step text) IS 'A step that was begun did surely not happen: the next run begins it afresh. Raises JQ033.';


--
-- Name: emit_event(text, jsonb); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.emit_event(p_event text, p_value jsonb DEFAULT NULL::jsonb) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_first boolean;
begin
  perform pg_advisory_xact_lock(80, hashtext(p_event));
  insert into jobs.events (event, value, emitted_at)
  values (p_event, p_value, jobs.clock())
  on conflict (event) do nothing;
  v_first := found;
  perform jobs._answer(array(select a.job_id from jobs.awaits as a where a.event = p_event));
  return v_first;
end;
$$;


--
-- Name: FUNCTION emit_event(p_event text, p_value jsonb); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.emit_event(p_event text, p_value jsonb) IS 'Something happened: let go on whoever waits for it, now or within thirty days. The first value
stays; false where it was emitted before.';


--
-- Name: enqueue(text, jsonb, text, uuid, timestamp with time zone, integer, text, text, interval, text, interval, bigint[], text, bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.enqueue(p_kind text, p_payload jsonb DEFAULT '{}'::jsonb, p_key text DEFAULT NULL::text, p_tenant uuid DEFAULT NULL::uuid, p_run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_priority integer DEFAULT NULL::integer, p_unique_key text DEFAULT NULL::text, p_unique_mode text DEFAULT 'ignore'::text, p_unique_for interval DEFAULT NULL::interval, p_unique_until text DEFAULT 'finished'::text, p_max_wait interval DEFAULT NULL::interval, p_after bigint[] DEFAULT NULL::bigint[], p_policy text DEFAULT 'on_success'::text, p_batch_id bigint DEFAULT NULL::bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (jobs._enqueue(
    p_kind, array[p_payload], array[p_key], array[p_tenant], p_run_at, p_priority,
    array[p_unique_key], p_unique_mode, p_unique_for, p_unique_until, p_max_wait, p_after,
    p_policy, p_batch_id
  ))[1];
end;
$$;


--
-- Name: FUNCTION enqueue(p_kind text, p_payload jsonb, p_key text, p_tenant uuid, p_run_at timestamp with time zone, p_priority integer, p_unique_key text, p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.enqueue(p_kind text, p_payload jsonb, p_key text, p_tenant uuid, p_run_at timestamp with time zone, p_priority integer, p_unique_key text, p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) IS 'Put one job in line, in the caller''s transaction; returns its id, or that of the job that does
the work instead.
p_key: what limits and fairness count by. p_priority: 0 urgent to 3 idle, null as the kind says.
p_run_at: not before.
p_unique_key: one job of the kind holds it, until it has finished, or with p_unique_until claimed
only until a worker takes it; p_unique_for: and at least that long from when it may run. Where
another job holds it, p_unique_mode says what becomes of this call:
- ignore: nothing; the other one is returned. If it is held until claimed, that one is not claimed
  before the caller has committed, and so sees what the caller did.
- reject: JQ001.
- replace: the other one gets the new payload, time and priority.
- throttle: it gets the new payload and keeps its time.
- debounce: it gets the new payload and the new time, p_run_at, but no later than p_max_wait after
  it was enqueued; null waits for ever.
The last three change a job only while it waits; one that runs, or has ended within p_unique_for, is
followed by the new job, which takes the key over: a throttled one when the time of the other is
over.
p_after: it is parked until those jobs have ended; their results are then in its payload as
"parents", and in jobs.parents. p_policy on_success: it is cancelled once one of them ends other
than done; on_any: however they end; on_failure: it is skipped unless one of them is not done.
p_batch_id: it joins a batch, see jobs.open_batch.
Raises JQ001, JQ002 (unknown kind), JQ003 (unknown mode), JQ009 (one of p_after is not there),
JQ030 (unknown p_unique_until), JQ031 (debounce without p_run_at), JQ032 (no open batch).';


--
-- Name: enqueue_many(text, jsonb[], text[], uuid[], timestamp with time zone, integer, text[], text, interval, text, interval, bigint[], text, bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.enqueue_many(p_kind text, p_payloads jsonb[], p_keys text[] DEFAULT NULL::text[], p_tenants uuid[] DEFAULT NULL::uuid[], p_run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_priority integer DEFAULT NULL::integer, p_unique_keys text[] DEFAULT NULL::text[], p_unique_mode text DEFAULT 'ignore'::text, p_unique_for interval DEFAULT NULL::interval, p_unique_until text DEFAULT 'finished'::text, p_max_wait interval DEFAULT NULL::interval, p_after bigint[] DEFAULT NULL::bigint[], p_policy text DEFAULT 'on_success'::text, p_batch_id bigint DEFAULT NULL::bigint) RETURNS bigint[]
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jobs._enqueue(
    p_kind, p_payloads, p_keys, p_tenants, p_run_at, p_priority, p_unique_keys, p_unique_mode,
    p_unique_for, p_unique_until, p_max_wait, p_after,
    p_policy, p_batch_id
  );
$$;


--
-- Name: FUNCTION enqueue_many(p_kind text, p_payloads jsonb[], p_keys text[], p_tenants uuid[], p_run_at timestamp with time zone, p_priority integer, p_unique_keys text[], p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.enqueue_many(p_kind text, p_payloads jsonb[], p_keys text[], p_tenants uuid[], p_run_at timestamp with time zone, p_priority integer, p_unique_keys text[], p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) IS 'Put many jobs of one kind in line at once; returns their ids in the order of p_payloads, and the
id of the job that does the work instead where a unique key is taken. The lists go side by side; of
two with the same unique key one is enqueued, the first, or with a mode that replaces the last. See
jobs.enqueue. Raises JQ001, JQ002, JQ003, JQ004 (lists of different lengths), JQ030, JQ031.';


--
-- Name: enqueue_staged(text, text, timestamp with time zone, integer, text, interval, text, interval, bigint[], text, bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.enqueue_staged(p_load_id text, p_kind text, p_run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, p_priority integer DEFAULT NULL::integer, p_unique_mode text DEFAULT 'ignore'::text, p_unique_for interval DEFAULT NULL::interval, p_unique_until text DEFAULT 'finished'::text, p_max_wait interval DEFAULT NULL::interval, p_after bigint[] DEFAULT NULL::bigint[], p_policy text DEFAULT 'on_success'::text, p_batch_id bigint DEFAULT NULL::bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_enqueued bigint := 0;
  v_some     record;
begin
  loop
    -- Ten thousand at a time: as arrays they pass through memory.
    with taken as (
      delete from jobs.staging as s
      where s.load_id = p_load_id
        and s.line <= (
          select max(l.line)
          from (
            select l.line from jobs.staging as l
            where l.load_id = p_load_id order by l.line limit 10000
          ) as l
        )
      returning s.*
    )
    select count(*) as lines, array_agg(t.payload order by t.line) as payloads,
           array_agg(t.key order by t.line) as keys, array_agg(t.tenant order by t.line) as tenants,
           array_agg(t.unique_key order by t.line) as unique_keys
    from taken as t
    into v_some;
    exit when v_some.lines = 0;
    perform jobs._enqueue(
      p_kind, v_some.payloads, v_some.keys, v_some.tenants, p_run_at, p_priority,
      v_some.unique_keys, p_unique_mode, p_unique_for, p_unique_until, p_max_wait,
      p_after, p_policy, p_batch_id
    );
    v_enqueued := v_enqueued + v_some.lines;
  end loop;
  return v_enqueued;
end;
$$;


--
-- Name: FUNCTION enqueue_staged(p_load_id text, p_kind text, p_run_at timestamp with time zone, p_priority integer, p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.enqueue_staged(p_load_id text, p_kind text, p_run_at timestamp with time zone, p_priority integer, p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) IS 'Put the jobs in line that were copied to jobs.staging under p_load_id, as jobs.enqueue_many does;
returns how many lines there were. Copy and call in one transaction, and a crash leaves
all or nothing:
\copy jobs.staging (load_id, payload, key, tenant, unique_key) from ''jobs.csv'' csv
Raises JQ001, JQ002, JQ003, JQ030, JQ031.';


--
-- Name: exchange(integer, bigint[], integer[], jsonb[], text, integer, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.exchange(p_worker_id integer, p_job_ids bigint[], p_run_nos integer[], p_results jsonb[], p_queue text, p_limit integer DEFAULT 1, p_after_key text DEFAULT NULL::text) RETURNS TABLE(job_ids bigint[], run_nos integer[], kinds text[], keys text[], payloads json)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET jit TO 'off'
    AS $$
begin
  if cardinality(p_job_ids) > 0 then
    perform jobs.complete_many(p_job_ids, p_run_nos, p_results);
  end if;
  return query
  select array_agg(c.job_id), array_agg(c.run_no), array_agg(c.kind), array_agg(c.key),
         -- Joined as text: to build one jsonb of them costs more than all else here.
         ('[' || string_agg(c.payload::text, ',') || ']')::json
  from jobs.claim(p_worker_id, p_queue, p_limit, p_after_key) as c
  having count(*) > 0;
end;
$$;


--
-- Name: FUNCTION exchange(p_worker_id integer, p_job_ids bigint[], p_run_nos integer[], p_results jsonb[], p_queue text, p_limit integer, p_after_key text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.exchange(p_worker_id integer, p_job_ids bigint[], p_run_nos integer[], p_results jsonb[], p_queue text, p_limit integer, p_after_key text) IS 'jobs.complete_many and jobs.claim in one round trip and one commit, with the claimed jobs side by
side in one row, for a client reads that several times faster than a row for each; no row if there
are none.';


--
-- Name: fail(bigint, integer, text, boolean, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.fail(p_job_id bigint, p_run_no integer, p_error text, p_retry boolean DEFAULT true, p_after interval DEFAULT NULL::interval) RETURNS text
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jobs.settle(p_job_id, p_run_no, jsonb_build_object(
    'outcome', case when p_retry then 'try_later' else 'give_up' end,
    'reason', p_error,
    'after', extract(epoch from p_after)
  ));
$$;


--
-- Name: FUNCTION fail(p_job_id bigint, p_run_no integer, p_error text, p_retry boolean, p_after interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.fail(p_job_id bigint, p_run_no integer, p_error text, p_retry boolean, p_after interval) IS 'Report that a run failed. p_retry: another attempt may help; p_after: not before, null backs off
as the kind says. Returns what jobs.settle returns.';


--
-- Name: find(text[], text, text, text, uuid, bigint, bigint, integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.find(p_state text[] DEFAULT NULL::text[], p_kind text DEFAULT NULL::text, p_queue text DEFAULT NULL::text, p_key text DEFAULT NULL::text, p_tenant uuid DEFAULT NULL::uuid, p_run_id bigint DEFAULT NULL::bigint, p_before bigint DEFAULT NULL::bigint, p_limit integer DEFAULT 50) RETURNS TABLE(job_id bigint, kind text, state text, queue text, key text, tenant uuid, priority smallint, runs integer, failures smallint, max_attempts integer, since timestamp with time zone, worker text, code text, why text, dead boolean, run_id bigint, created_at timestamp with time zone, payload jsonb)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
begin
  return query
  with fits as (
    -- Each place where a state can be is asked by itself, and only if that state is asked for.
    (
      select w.job_id
      from jobs.whereabouts as w
      where p_state is null
        and (p_kind is null or w.kind = p_kind)
        and (p_queue is null or w.queue = p_queue)
        and (p_key is null or w.key = p_key)
        and (p_tenant is null or w.tenant = p_tenant)
        and (p_run_id is null or w.run_id = p_run_id)
        and (p_before is null or w.job_id < p_before)
      order by w.job_id desc
      limit p_limit
    )
    union
    (
      select a.job_id
      from jobs.active as a
      where a.state = any (p_state)
        and (p_kind is null or a.kind = p_kind)
        and (p_queue is null or a.queue = p_queue)
        and (p_key is null or a.key = p_key)
        and (p_tenant is null or a.tenant = p_tenant)
        and (p_run_id is null or a.run_id = p_run_id)
        and (p_before is null or a.job_id < p_before)
      order by a.job_id desc
      limit p_limit
    )
    union
    (
      select d.job_id
      from jobs.dead as d
      where 'dead' = any (p_state)
        and (p_kind is null or d.kind = p_kind)
        and (p_queue is null or d.queue = p_queue)
        and (p_key is null or d.key = p_key)
        and (p_tenant is null or d.tenant = p_tenant)
        and (p_run_id is null or d.run_id = p_run_id)
        and (p_before is null or d.job_id < p_before)
      order by d.job_id desc
      limit p_limit
    )
    union
    (
      select f.job_id
      from jobs.finished as f
      where f.state = any (p_state)
        and (p_kind is null or f.kind = p_kind)
        and (p_queue is null or f.queue = p_queue)
        and (p_key is null or f.key = p_key)
        and (p_tenant is null or f.tenant = p_tenant)
        and (p_run_id is null or f.run_id = p_run_id)
        and (p_before is null or f.job_id < p_before)
      order by f.job_id desc
      limit p_limit
    )
  )
  select w.job_id, w.kind, w.state, w.queue, w.key, w.tenant, w.priority, w.runs, w.failures,
         w.max_attempts, w.since, w.worker, w.code, w.why, w.dead, w.run_id, w.created_at, w.payload
  from fits as f
  join jobs.whereabouts as w on w.job_id = f.job_id
  -- A retried job has ended before, and is somewhere else now.
  where p_state is null or w.state = any (p_state) or (w.dead and 'dead' = any (p_state))
  order by w.job_id desc
  limit p_limit;
end;
$$;


--
-- Name: FUNCTION find(p_state text[], p_kind text, p_queue text, p_key text, p_tenant uuid, p_run_id bigint, p_before bigint, p_limit integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.find(p_state text[], p_kind text, p_queue text, p_key text, p_tenant uuid, p_run_id bigint, p_before bigint, p_limit integer) IS 'The newest jobs that fit, as jobs.whereabouts shows them. States: ready, scheduled, parked,
running, cancelling, done, failed, skipped, cancelled, unknown; dead is failed or unknown and not
retried.
p_before is a job_id: the last one seen asks for the page after it. Null asks for all.
select job_id, kind, why from jobs.find(p_state => ''{dead}'', p_kind => ''shops.draw_design'');';


--
-- Name: heartbeat(integer, jsonb, boolean); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.heartbeat(p_worker_id integer, p_progress jsonb DEFAULT NULL::jsonb, p_hears boolean DEFAULT NULL::boolean) RETURNS TABLE(job_id bigint, run_no integer, reason text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update jobs.workers as w
  set lease_until = jobs.clock() + w.lease, hears = coalesce(p_hears, w.hears)
  where w.worker_id = p_worker_id and w.stopped_at is null;
  if not found then
    perform jobs._refuse_worker(p_worker_id);
  end if;

  if p_progress is not null then
    insert into jobs.progress as g (job_id, run_no, percent, note)
    select distinct on (r.job_id) r.job_id, r.run_no, p.percent, p.note
    from jsonb_to_recordset(p_progress)
      as p (job_id bigint, run_no integer, percent double precision, note text)
    -- What a run says that is not the present one, or another worker's, is not heard.
    join jobs.running as r
      on r.job_id = p.job_id and r.run_no = p.run_no and r.worker_id = p_worker_id
    order by r.job_id
    on conflict on constraint progress_pkey do update
    set run_no = excluded.run_no, percent = excluded.percent, note = excluded.note;
  end if;

  return query
  select r.job_id, r.run_no, r.cancel_reason
  from jobs.running as r
  where r.worker_id = p_worker_id and r.cancel_reason is not null;
end;
$$;


--
-- Name: FUNCTION heartbeat(p_worker_id integer, p_progress jsonb, p_hears boolean); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.heartbeat(p_worker_id integer, p_progress jsonb, p_hears boolean) IS 'Extend a worker''s lease; returns the jobs that it has to stop, and why. p_progress: how far its
jobs are, [{"job_id", "run_no", "percent", "note"}], shown by jobs.active. p_hears: notifications
reach it. Raises JQ005 where its lease had run out and its jobs were given to others.';


--
-- Name: keep(text, interval); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.keep(p_what text, p_keep interval) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update jobs.retention as t set keep = p_keep where t.what = p_what;
  if not found then
    raise exception using
      errcode = 'JQ023',
      message = 'There is no such retention.',
      detail  = format('what=%s', p_what),
      hint    = 'select what, keep, description from jobs.retention_status;';
  end if;
end;
$$;


--
-- Name: FUNCTION keep(p_what text, p_keep interval); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.keep(p_what text, p_keep interval) IS 'Say how long something of jobs.retention_status is kept, a day at least. Raises JQ023.';


--
-- Name: keep_step(bigint, integer, text, jsonb); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.keep_step(p_job_id bigint, p_run_no integer, p_step text, p_value jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform jobs._hold_run(p_job_id, p_run_no);
  insert into jobs.steps as s (job_id, step, begun_at, done_at, value)
  values (p_job_id, p_step, jobs.clock(), jobs.clock(), p_value)
  on conflict (job_id, step) do update
  set done_at = excluded.done_at, value = excluded.value
  where s.done_at is null;
  return (select s.value from jobs.steps as s where s.job_id = p_job_id and s.step = p_step);
end;
$$;


--
-- Name: FUNCTION keep_step(p_job_id bigint, p_run_no integer, p_step text, p_value jsonb); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.keep_step(p_job_id bigint, p_run_no integer, p_step text, p_value jsonb) IS 'A step is done: keep what came of it, for this run and those after. The first value stays;
returns it. Raises JQ033 (not the present run).';


--
-- Name: listen(); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.listen() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  listen jobs;
end;
$$;


--
-- Name: FUNCTION listen(); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.listen() IS 'Have this connection told of ready jobs: channel jobs, the queue as the message. Needs a
connection of one''s own, so not through PgBouncer in transaction mode; jobs.ring shows whether it
works.';


--
-- Name: next_due(text[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.next_due(p_queues text[] DEFAULT NULL::text[]) RETURNS timestamp with time zone
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select min(d.due_at)
  from (
    select s.run_at as due_at
    from jobs.scheduled as s
    where p_queues is null or s.queue = any (p_queues)
    union all
    select a.until from jobs.awaits as a
    union all
    select h.until
    from jobs.held as h
    where h.until is not null and (p_queues is null or h.queue = any (p_queues))
      and exists (
        select from jobs.ready as r where r.queue = h.queue and (h.key is null or r.key = h.key)
      )
    union all
    -- The cell rate algorithm: when one more of the burst is paid for.
    select b.tat - make_interval(secs => (l.burst - 1) / l.rate)
    from jobs.buckets as b
    cross join lateral (
      select l.rate, l.burst
      from jobs.limits as l
      where l.queue = b.queue and l.key in (b.key, '*')
      order by l.key = b.key desc
      limit 1
    ) as l
    where (p_queues is null or b.queue = any (p_queues))
      and exists (select from jobs.ready as r where r.queue = b.queue and r.key = b.key)
  ) as d
  where d.due_at > jobs.clock();
$$;


--
-- Name: FUNCTION next_due(p_queues text[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.next_due(p_queues text[]) IS 'When time alone next lets a job go on: its time comes, its wait for an event is over, or what
holds its key ends. Null where nothing waits for time. p_queues null is all; a wait for an event
counts whatever its queue.';


--
-- Name: next_fire(text, text, timestamp with time zone); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.next_fire(p_cron text, p_time_zone text, p_after timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_field    text[] := regexp_split_to_array(trim(p_cron), '\s+');
  v_minutes  integer[];
  v_hours    integer[];
  v_days     integer[];
  v_months   integer[];
  v_weekdays integer[];
  v_by_clock boolean;
  v_either   boolean;
  v_day_fits boolean;
  v_weekday_fits boolean;
  v_day      date := (p_after at time zone p_time_zone)::date - 1;
  v_next     timestamptz;
begin
  if cardinality(v_field) <> 5 then
    raise exception using
      errcode = 'JQ012',
      message = 'This is not a cron expression.',
      detail  = format('cron=%s', p_cron),
      hint    = 'Five fields: minute hour day month weekday; each *, 5, 1-5, */10, 1,3 or a name.';
  end if;
  v_minutes := jobs._cron_field(v_field[1], 0, 59);
  v_hours := jobs._cron_field(v_field[2], 0, 23);
  v_days := jobs._cron_field(v_field[3], 1, 31);
  v_months := jobs._cron_field(
    v_field[4], 1, 12, '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}'
  );
  v_weekdays := jobs._cron_field(v_field[5], 0, 7, '{sun,mon,tue,wed,thu,fri,sat}');
  -- Cron's own rules. Days of the month and of the week, when both are given, are alternatives; and
  -- what repeats by the minute or hour goes by real time when the clocks change, while a fixed time
  -- comes exactly once that day.
  v_either := v_field[3] !~ '^[*]' and v_field[5] !~ '^[*]';
  v_by_clock := v_field[1] !~ '^[*]' and v_field[2] !~ '^[*]';

  -- Every weekday comes on every date within 40 years (29 February, over a year such as 2100 that
  -- is no leap year); what is further never comes.
  while v_next is null and v_day < p_after + interval '41 years' loop
    if extract(month from v_day) <> all (v_months) then
      v_day := date_trunc('month', v_day + interval '1 month');
      continue;
    end if;
    v_day_fits := extract(day from v_day) = any (v_days);
    v_weekday_fits := extract(dow from v_day) = any (v_weekdays)
      or extract(isodow from v_day) = any (v_weekdays);
    if (v_day_fits and v_weekday_fits) or (v_either and (v_day_fits or v_weekday_fits)) then
      select min(i) from jobs._instants(v_day, v_hours, v_minutes, p_time_zone, v_by_clock) as i
      where i > p_after
      into v_next;
    end if;
    v_day := v_day + 1;
  end loop;
  return v_next;
end;
$$;


--
-- Name: FUNCTION next_fire(p_cron text, p_time_zone text, p_after timestamp with time zone); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.next_fire(p_cron text, p_time_zone text, p_after timestamp with time zone) IS 'The first time after p_after that a cron expression fits by the clock of a time zone; null if
never.
Fields: minute (0-59), hour (0-23), day (1-31), month (1-12, jan-dec), weekday (0-7, sun-sat; 0 and
7 are Sunday). A fixed time that the clocks skip comes when they have jumped, one that they repeat
comes the first time; with * in minute or hour it goes by real time. Raises JQ012.';


--
-- Name: next_fires(text, integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.next_fires(p_name text DEFAULT NULL::text, p_count integer DEFAULT 5) RETURNS TABLE(schedule text, fire_at timestamp with time zone)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with recursive fires as (
    select s.schedule, s.cron, s.time_zone, 1 as number,
           jobs.next_fire(s.cron, s.time_zone, jobs.clock()) as fire_at
    from jobs.schedule_status as s
    where s.enabled and (p_name is null or s.schedule = p_name)
    union all
    select f.schedule, f.cron, f.time_zone, f.number + 1,
           jobs.next_fire(f.cron, f.time_zone, f.fire_at)
    from fires as f
    where f.number < p_count and f.fire_at is not null
  )
  select f.schedule, f.fire_at
  from fires as f
  where f.fire_at is not null
  order by f.fire_at, f.schedule
  limit p_count;
$$;


--
-- Name: FUNCTION next_fires(p_name text, p_count integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.next_fires(p_name text, p_count integer) IS 'The next p_count times that the enabled schedules (or the one named) fire, the soonest first.';


--
-- Name: open_batch(text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.open_batch(p_name text) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into jobs.run_log (name, is_batch, started_at)
  values (p_name, true, jobs.clock())
  returning run_log.run_id;
$$;


--
-- Name: FUNCTION open_batch(p_name text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.open_batch(p_name text) IS 'Begin a batch; returns its id. Jobs join it with p_batch_id, and what they enqueue when they end
belongs to it too. jobs.batches shows how far it is.';


--
-- Name: pause(text, text, timestamp with time zone, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.pause(p_queue text, p_key text DEFAULT NULL::text, p_until timestamp with time zone DEFAULT NULL::timestamp with time zone, p_reason text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into jobs.pauses as p (queue, key, until, reason, paused_at)
  select q.queue, coalesce(p_key, ''), p_until, p_reason, jobs.clock()
  from jobs.queues as q where q.queue = p_queue
  on conflict (queue, key) do update
  set until = excluded.until, reason = excluded.reason, paused_at = excluded.paused_at;
  if not found then
    raise exception using
      errcode = 'JQ013',
      message = 'There is no such queue.',
      detail  = format('queue=%s', p_queue),
      hint    = 'select queue, description from jobs.queues_status;';
  end if;
end;
$$;


--
-- Name: FUNCTION pause(p_queue text, p_key text, p_until timestamp with time zone, p_reason text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.pause(p_queue text, p_key text, p_until timestamp with time zone, p_reason text) IS 'No worker takes a job of this queue, or of this key of it, until p_until or jobs.resume. What
runs goes on. Raises JQ013 (no such queue).';


--
-- Name: pause_schedule(text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.pause_schedule(p_name text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update jobs.schedules as s set enabled = false where s.schedule = p_name;
  if not found then
    raise exception using
      errcode = 'JQ011',
      message = 'There is no such schedule.',
      detail  = format('name=%s', p_name),
      hint    = 'select schedule, description from jobs.schedule_status;';
  end if;
end;
$$;


--
-- Name: FUNCTION pause_schedule(p_name text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.pause_schedule(p_name text) IS 'A schedule does not fire until jobs.resume_schedule; jobs.run_schedule still runs it. Raises JQ011.';


--
-- Name: penalise(text, text, timestamp with time zone); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.penalise(p_queue text, p_key text, p_until timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into jobs.buckets as b (queue, key, blocked_until)
  values (p_queue, p_key, p_until)
  on conflict (queue, key) do update
  set blocked_until = greatest(b.blocked_until, excluded.blocked_until)
  where b.blocked_until is null or b.blocked_until < excluded.blocked_until;
$$;


--
-- Name: FUNCTION penalise(p_queue text, p_key text, p_until timestamp with time zone); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.penalise(p_queue text, p_key text, p_until timestamp with time zone) IS 'No worker takes a job of this key before p_until: what a service asks for with Retry-After.';


--
-- Name: poll(text[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.poll(p_queues text[]) RETURNS TABLE(ticked boolean, queues text[])
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET jit TO 'off'
    AS $$
begin
  ticked := false;
  if extract(epoch from clock_timestamp()) * 1000
    - (select t.last_value from jobs.last_tick as t) >= 1000
  then
    perform jobs.tick();
    ticked := found;
  end if;
  queues := array(
    select q.queue
    from unnest(p_queues) as q (queue)
    -- With a limit, for an exists may be made a join that reads all queues.
    cross join lateral (select from jobs.ready as r where r.queue = q.queue limit 1) as r
  );
  return next;
end;
$$;


--
-- Name: FUNCTION poll(p_queues text[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.poll(p_queues text[]) IS 'What an idle worker asks now and then: queues are those of p_queues with ready jobs. Ticks if
nobody has in the last second; whoever ticked comes again in a second, so that one worker of many
is the clock.';


--
-- Name: prepare(bigint, integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.prepare(p_job_id bigint, p_run_no integer) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_job        jobs.running;
  v_kind       jobs.kinds;
  v_payload    jsonb;
  v_maybe_sent boolean;
  v_reply      jsonb;
begin
  select r.* from jobs.running as r
  where r.job_id = p_job_id and r.run_no = p_run_no
  for update
  into v_job;
  if not found then
    return jsonb_build_object('call', false, 'why', 'stale');
  end if;
  if v_job.cancel_reason is not null then
    perform jobs._finish(v_job, 'cancelled', v_job.cancel_reason);
    return jsonb_build_object('call', false, 'why', 'cancelled: ' || v_job.cancel_reason);
  end if;

  select k.* from jobs.kinds as k where k.kind = v_job.kind into v_kind;
  select j.payload from jobs.jobs as j where j.job_id = p_job_id into v_payload;
  v_maybe_sent := jobs._maybe_sent(p_job_id, p_run_no);
  if v_maybe_sent and v_kind.effect = 'at_most_once' then
    perform jobs._finish(v_job, 'unknown',
      'An earlier run may have sent it, and it is not sent twice.');
    return jsonb_build_object('call', false, 'why', 'unknown: may have been sent');
  end if;

  v_reply := jsonb_build_object('request', v_payload);
  if v_kind.prepare is not null then
    perform jobs._enter_run(v_job.run_id);
    execute format('select %I.%I($1, $2, $3)', split_part(v_kind.prepare, '.', 1),
                   split_part(v_kind.prepare, '.', 2))
    using p_job_id, v_payload, v_maybe_sent
    into v_reply;
  end if;

  if v_reply ? 'skip' then
    perform jobs._finish(v_job, 'skipped', v_reply ->> 'skip');
    return jsonb_build_object('call', false, 'why', 'skipped: ' || (v_reply ->> 'skip'));
  elsif v_reply ? 'give_up' then
    perform jobs._finish(v_job, 'failed', v_reply ->> 'give_up');
    return jsonb_build_object('call', false, 'why', 'failed: ' || (v_reply ->> 'give_up'));
  elsif v_reply ? 'later' then
    perform jobs._put_in_line(
      v_job, jobs.clock() + make_interval(secs => (v_reply ->> 'later')::double precision),
      v_reply ->> 'reason'
    );
    return jsonb_build_object('call', false, 'why', concat_ws(': ', 'later', v_reply ->> 'reason'));
  elsif v_reply ? 'done' then
    perform jobs._settle_done(v_job, v_kind, v_reply -> 'done');
    return jsonb_build_object('call', false, 'why', 'done');
  elsif not coalesce(v_reply ? 'request', false) then
    raise exception using
      errcode = 'JQ007',
      message = 'The prepare function did not answer.',
      detail  = format('kind=%s prepare=%s answer=%s', v_job.kind, v_kind.prepare, v_reply),
      hint    = 'It returns request, skip, later, give_up or done: see \d+ jobs.kinds.';
  end if;

  -- Written down before the request goes out: if the worker is never heard of again, it may have.
  insert into jobs.effects (job_id, sent_at, run_no, mode)
  values (p_job_id, jobs.clock(), p_run_no, v_kind.effect)
  -- Asked again by a worker that the first answer did not reach.
  on conflict (job_id, run_no) do nothing;
  return jsonb_build_object(
    'call', true,
    'request', v_reply -> 'request',
    'connection_id', v_reply -> 'connection_id',
    'maybe_sent', v_maybe_sent,
    'timeout_s', extract(epoch from v_kind.timeout)
  );
end;
$_$;


--
-- Name: FUNCTION prepare(p_job_id bigint, p_run_no integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.prepare(p_job_id bigint, p_run_no integer) IS 'Ask the kind whether the work of a claimed job is still wanted, and for its request. Returns
{"call": true, "request", "connection_id", "maybe_sent", "timeout_s"}, or {"call": false, "why"}
where the job was ended or put back already, or is another''s by now ("stale").
Raises JQ007, and whatever the kind''s prepare function raises.';


--
-- Name: prepare_alert(bigint, jsonb, boolean); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.prepare_alert(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_channel jobs.alert_channels;
  v_lines   text[];
  v_title   text;
begin
  select c.* from jobs.alert_channels as c where c.channel = p_payload ->> 'channel' into v_channel;
  if not found or not v_channel.enabled then
    return jsonb_build_object('skip', 'There is no such channel, or it is disabled.');
  end if;

  if p_payload ? 'test' then
    v_title := 'AutoM: a test';
    v_lines := array['This channel works. Alerts will come here.'];
  else
    -- Also what has come up since the job was enqueued, or since its last attempt.
    update jobs.alert_notices as n
    set job_id = p_job_id, ended_at = null, outcome = null
    where n.channel = v_channel.channel
      and (n.job_id is null and n.ended_at is null
           or n.job_id = p_job_id and n.outcome is distinct from 'done');
    select array_agg(l.line order by l.rank, l.alert_id, l.news), max(l.title)
    from jobs._alert_lines(p_job_id) as l
    into v_lines, v_title;
  end if;
  if v_lines is null then
    return jsonb_build_object('skip', 'There is nothing new.');
  end if;
  return jsonb_build_object('request', case v_channel.kind
    when 'jobs.send_slack' then jobs._slack_message(v_title, v_lines)
    else jsonb_build_object(
      'from', v_channel.mail_from, 'to', v_channel.mail_to, 'subject', v_title,
      'text', array_to_string(v_lines, e'\n\n'), 'message_id', p_job_id,
      'date', to_char(jobs.clock() at time zone 'UTC', 'Dy, DD Mon YYYY HH24:MI:SS "+0000"')
    )
  end || jsonb_build_object('url_from', v_channel.url_from));
end;
$$;


--
-- Name: FUNCTION prepare_alert(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.prepare_alert(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares jobs.send_slack and jobs.send_mail: one message with all that the channel has not been told.';


--
-- Name: reap(integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.reap(p_limit integer DEFAULT 1000) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_job    jobs.running;
  v_lost   bigint;
  v_reaped integer := 0;
begin
  update jobs.workers as w
  set stopped_at = jobs.clock()
  where w.stopped_at is null and w.lease_until < jobs.clock()
    -- After a restart of the server every lease has run out: live workers get one more.
    and clock_timestamp() - jobs._server_started() > w.lease
    -- Taken last. A claim of this worker that is under way holds it; then it is dead next time.
    and pg_try_advisory_xact_lock(78, w.worker_id);
  get diagnostics v_lost = row_count;
  perform jobs._count('jobs.lost_leases', v_lost);

  for v_job in
    select r.*
    from jobs.running as r
    where not exists (
        select from jobs.workers as w where w.worker_id = r.worker_id and w.stopped_at is null
      )
      -- Its worker lives, but should have stopped the job a minute ago and had a minute to say so.
      or (
        r.deadline < jobs.clock() - interval '1 min'
        and clock_timestamp() - jobs._server_started() > interval '1 min'
      )
    order by r.job_id
    limit p_limit
    for update skip locked
  loop
    perform jobs._lose(v_job);
    v_reaped := v_reaped + 1;
  end loop;
  perform jobs._count('jobs.reaped_jobs', v_reaped);
  return v_reaped;
end;
$$;


--
-- Name: FUNCTION reap(p_limit integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.reap(p_limit integer) IS 'Take back the jobs of workers whose lease has run out, and those far past their deadline; returns
how many. They go back in line, or end after their last attempt. Safe to call at any time.';


--
-- Name: release_many(bigint[], integer[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.release_many(p_job_ids bigint[], p_run_nos integer[]) RETURNS bigint[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_released bigint[];
begin
  with freed as (
    delete from jobs.running as r
    using unnest(p_job_ids, p_run_nos) as d (job_id, run_no)
    where r.job_id = d.job_id and r.run_no = d.run_no and r.cancel_reason is null
    returning r.*
  ),
  unsent as (
    delete from jobs.effects as e
    using freed as f
    where e.job_id = f.job_id and e.run_no = f.run_no and e.outcome is null
  ),
  back as (
    insert into jobs.ready (
      seq, job_id, run_id, ready_at, run_no, failures, priority, is_unique, queue, kind, key
    )
    -- Back to where they were in line, which for a fresh job is its own id.
    select f.job_id, f.job_id, f.run_id, jobs.clock(), f.run_no, f.failures, f.priority,
           f.is_unique, f.queue, f.kind, f.key
    from freed as f
    returning ready.job_id
  )
  select array_agg(b.job_id) from back as b into v_released;
  if v_released is not null then
    perform jobs._wake('');
  end if;
  return coalesce(v_released, '{}');
end;
$$;


--
-- Name: FUNCTION release_many(p_job_ids bigint[], p_run_nos integer[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.release_many(p_job_ids bigint[], p_run_nos integer[]) IS 'Give back claimed jobs that were not begun, or prepared but not sent; costs no attempt. Returns the ids of those given back.';


--
-- Name: release_unheld(integer, bigint[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.release_unheld(p_worker_id integer, p_held bigint[]) RETURNS bigint[]
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- Alone: a claim whose answer got lost may still be under way, and must be over first.
  perform pg_advisory_xact_lock(78, p_worker_id);
  return (
    select jobs.release_many(array_agg(r.job_id), array_agg(r.run_no))
    from jobs.running as r
    where r.worker_id = p_worker_id and r.job_id <> all (p_held)
  );
end;
$$;


--
-- Name: FUNCTION release_unheld(p_worker_id integer, p_held bigint[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.release_unheld(p_worker_id integer, p_held bigint[]) IS 'Give back what a worker was given and does not know of, because the connection broke before the
answer came. p_held: the jobs that it does know of.';


--
-- Name: resume(text, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.resume(p_queue text, p_key text DEFAULT NULL::text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  delete from jobs.pauses as p where p.queue = p_queue and p.key = coalesce(p_key, '');
  select jobs._wake(p_queue);
$$;


--
-- Name: FUNCTION resume(p_queue text, p_key text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.resume(p_queue text, p_key text) IS 'End a pause of a queue, or of one key of it.';


--
-- Name: resume_schedule(text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.resume_schedule(p_name text) RETURNS timestamp with time zone
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_next_at timestamptz;
begin
  update jobs.schedules as s set enabled = true where s.schedule = p_name
  returning s.next_at into v_next_at;
  if not found then
    raise exception using
      errcode = 'JQ011',
      message = 'There is no such schedule.',
      detail  = format('name=%s', p_name),
      hint    = 'select schedule, description from jobs.schedule_status;';
  end if;
  return v_next_at;
end;
$$;


--
-- Name: FUNCTION resume_schedule(p_name text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.resume_schedule(p_name text) IS 'Let a schedule fire again; returns when it does next. What it missed is not caught up. Raises JQ011.';


--
-- Name: retry(bigint); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.retry(p_job_id bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_job    jobs.running;
  v_run_no integer;
begin
  update jobs.scheduled as s set run_at = jobs.clock() where s.job_id = p_job_id;
  if found then
    perform jobs._promote(1000);
    return 'ready';
  end if;

  delete from jobs.dead_letters as d where d.job_id = p_job_id returning d.run_no into v_run_no;
  if not found then
    if not exists (select from jobs.jobs as j where j.job_id = p_job_id) then
      raise exception using
        errcode = 'JQ009',
        message = 'There is no such job.',
        detail  = format('job_id=%s', p_job_id);
    end if;
    raise exception using
      errcode = 'JQ010',
      message = 'Only a dead job, or one that waits for its time, can be retried.',
      detail  = format('job_id=%s', p_job_id),
      hint    = format('select * from jobs.whereabouts where job_id = %s;', p_job_id);
  end if;

  select j.job_id, j.run_id, v_run_no, 0, j.priority, j.unique_key is not null, j.queue, j.kind,
    j.key
  from jobs.jobs as j where j.job_id = p_job_id
  into v_job.job_id, v_job.run_id, v_job.run_no, v_job.failures, v_job.priority, v_job.is_unique,
       v_job.queue, v_job.kind, v_job.key;
  if v_job.is_unique then
    -- It let go of its key when it died; somebody else may have it now.
    perform jobs._settle_unique_keys(
      v_job.kind, array[p_job_id], array[j.unique_key], 'reject', null, 'finished', null, null,
      null, null
    )
    from jobs.jobs as j where j.job_id = p_job_id;
  end if;
  return jobs._put_in_line(v_job, null, null);
end;
$$;


--
-- Name: FUNCTION retry(p_job_id bigint); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.retry(p_job_id bigint) IS 'Let a dead job try again from the beginning, or one that waits for its time run now.
Returns ready.
Raises JQ001 (its unique key is held by another job), JQ009 (no such job), JQ010 (neither dead nor
waiting).';


--
-- Name: retry_dead(text, text, text, integer, double precision, boolean); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.retry_dead(p_kind text DEFAULT NULL::text, p_queue text DEFAULT NULL::text, p_reason text DEFAULT NULL::text, p_limit integer DEFAULT 1000, p_per_second double precision DEFAULT NULL::double precision, p_dry_run boolean DEFAULT false) RETURNS TABLE(job_id bigint, kind text, reason text, run_at timestamp with time zone, held_by bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
declare
  v_dead record;
begin
  for v_dead in
    select h.job_id, h.kind, h.reason, h.held_by,
           row_number() over (partition by h.held_by is null order by h.job_id) - 1 as place
    from (
      select d.job_id, j.kind, d.reason,
             -- By a job that lives; or, of two dead ones, by the older, which goes first.
             coalesce(u.job_id, case when j.unique_key is not null then nullif(
               first_value(d.job_id) over (
                 partition by j.kind, j.unique_key order by d.job_id
               ), d.job_id
             ) end) as held_by
      from (
        select l.job_id, l.reason
        from jobs.dead_letters as l
        join jobs.jobs as i on i.job_id = l.job_id
        where (p_queue is null or l.queue = p_queue)
          and (p_reason is null or l.reason like p_reason)
          and (p_kind is null or i.kind = p_kind)
        order by l.job_id
        limit p_limit
        -- Somebody retries one of them just now: it is not ours.
        for update of l skip locked
      ) as d
      join jobs.jobs as j on j.job_id = d.job_id
      left join jobs.unique_keys as u
        on u.kind = j.kind and u.unique_key = j.unique_key and u.job_id <> d.job_id
    ) as h
    order by h.job_id
  loop
    job_id := v_dead.job_id;
    kind := v_dead.kind;
    reason := v_dead.reason;
    held_by := v_dead.held_by;
    run_at := case when held_by is null
      then jobs.clock() + make_interval(secs => coalesce(v_dead.place / p_per_second, 0)) end;
    if not p_dry_run and held_by is null then
      held_by := jobs._revive(v_dead.job_id, run_at);
      run_at := case when held_by is null then run_at end;
    end if;
    return next;
  end loop;
end;
$$;


--
-- Name: FUNCTION retry_dead(p_kind text, p_queue text, p_reason text, p_limit integer, p_per_second double precision, p_dry_run boolean); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.retry_dead(p_kind text, p_queue text, p_reason text, p_limit integer, p_per_second double precision, p_dry_run boolean) IS 'Let dead jobs try again from the beginning, the oldest first: those of a kind, of a queue, whose
reason is like p_reason; null asks for all. p_per_second of them a second, null all at once; p_limit
at most. Returns each with when it may run, or with the job that holds its unique key by now
(held_by): that one stays dead. p_dry_run: the same, and nothing is changed.
select * from jobs.retry_dead(p_reason => ''%timeout%'', p_per_second => 5, p_dry_run => true);';


--
-- Name: ring(text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.ring(p_message text) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select pg_notify('jobs', p_message);
$$;


--
-- Name: FUNCTION ring(p_message text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.ring(p_message text) IS 'Send a message to whoever listens: shows that notifications arrive.';


--
-- Name: run_schedule(text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.run_schedule(p_name text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_run_id bigint;
begin
  insert into jobs.run_log (name)
  select s.schedule from jobs.schedules as s where s.schedule = p_name
  returning run_log.run_id into v_run_id;
  if not found then
    raise exception using
      errcode = 'JQ011',
      message = 'There is no such schedule.',
      detail  = format('name=%s', p_name),
      hint    = 'select schedule, description from jobs.schedules;';
  end if;
  perform jobs._run(v_run_id);
  return v_run_id;
end;
$$;


--
-- Name: FUNCTION run_schedule(p_name text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.run_schedule(p_name text) IS 'Run a schedule''s function now, whatever the time, enabled or not; returns the run_id. How it
went is in jobs.runs; a function that fails makes a failed run, not an error here. Raises JQ011.';


--
-- Name: set_alert_channel(text, text, text, text, text[], text, boolean, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.set_alert_channel(p_channel text, p_sends text, p_url_from text, p_mail_from text DEFAULT NULL::text, p_mail_to text[] DEFAULT NULL::text[], p_min_severity text DEFAULT 'info'::text, p_enabled boolean DEFAULT true, p_description text DEFAULT ''::text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into jobs.alert_channels as c (
    channel, kind, url_from, mail_from, mail_to, min_severity, enabled, description
  )
  values (p_channel, 'jobs.send_' || p_sends, p_url_from, p_mail_from, p_mail_to, p_min_severity,
          p_enabled, p_description)
  on conflict (channel) do update
  set kind = excluded.kind, url_from = excluded.url_from, mail_from = excluded.mail_from,
      mail_to = excluded.mail_to, min_severity = excluded.min_severity,
      enabled = excluded.enabled, description = excluded.description;
$$;


--
-- Name: FUNCTION set_alert_channel(p_channel text, p_sends text, p_url_from text, p_mail_from text, p_mail_to text[], p_min_severity text, p_enabled boolean, p_description text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.set_alert_channel(p_channel text, p_sends text, p_url_from text, p_mail_from text, p_mail_to text[], p_min_severity text, p_enabled boolean, p_description text) IS 'Say where alerts are told. p_sends: slack or mail; p_url_from: the environment variable of the
workers,
AUTOM_ALERT_…, that holds the URL of the webhook or the mail server. The same name again changes
it.';


--
-- Name: set_alert_rule(text, double precision, interval, text, interval, text[], boolean); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.set_alert_rule(p_rule text, p_bound double precision DEFAULT NULL::double precision, p_span interval DEFAULT NULL::interval, p_severity text DEFAULT NULL::text, p_clear_after interval DEFAULT NULL::interval, p_channels text[] DEFAULT NULL::text[], p_enabled boolean DEFAULT NULL::boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update jobs.alert_rules as r
  set bound = coalesce(p_bound, r.bound), span = coalesce(p_span, r.span),
      severity = coalesce(p_severity, r.severity),
      clear_after = coalesce(p_clear_after, r.clear_after),
      channels = nullif(coalesce(p_channels, r.channels), '{}'),
      enabled = coalesce(p_enabled, r.enabled)
  where r.rule = p_rule;
  if not found then
    perform jobs._refuse_rule(p_rule);
  end if;
end;
$$;


--
-- Name: FUNCTION set_alert_rule(p_rule text, p_bound double precision, p_span interval, p_severity text, p_clear_after interval, p_channels text[], p_enabled boolean); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.set_alert_rule(p_rule text, p_bound double precision, p_span interval, p_severity text, p_clear_after interval, p_channels text[], p_enabled boolean) IS 'Change a rule of jobs.alert_rules_status; what is null stays as it is. p_channels {} is every
channel.
Raises JQ020.';


--
-- Name: settle(bigint, integer, jsonb); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.settle(p_job_id bigint, p_run_no integer, p_outcome jsonb) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_outcome text := p_outcome ->> 'outcome';
  v_reason  text := p_outcome ->> 'reason';
  v_after   double precision := (p_outcome ->> 'after')::double precision;
  v_job     jobs.running;
  v_kind    jobs.kinds;
begin
  if v_outcome is null or v_outcome not in ('done', 'try_later', 'give_up', 'unknown') then
    raise exception using
      errcode = 'JQ008',
      message = 'There is no such outcome.',
      detail  = format('outcome=%s', p_outcome),
      hint    = 'done, try_later, give_up or unknown.';
  end if;

  select r.* from jobs.running as r
  where r.job_id = p_job_id and r.run_no = p_run_no
  for update
  into v_job;
  if not found then
    perform jobs._count('jobs.stale_reports');
    return 'stale';
  end if;
  select k.* from jobs.kinds as k where k.kind = v_job.kind into v_kind;

  update jobs.effects as e
  set outcome = v_outcome, ended_at = jobs.clock()
  where e.job_id = p_job_id and e.run_no = p_run_no;
  perform jobs._heed(v_job, p_outcome);

  if v_outcome = 'done' then
    return jobs._settle_done(v_job, v_kind, p_outcome -> 'answer');
  elsif v_job.cancel_reason is not null then
    return jobs._finish(v_job, 'cancelled', v_job.cancel_reason);
  elsif v_outcome = 'give_up' then
    return jobs._finish(v_job, 'failed', v_reason, p_outcome ->> 'code');
  elsif v_outcome = 'unknown' and v_kind.effect = 'at_most_once' then
    return jobs._finish(v_job, 'unknown', v_reason, p_outcome ->> 'code');
  elsif (p_outcome ->> 'pause_key')::boolean or (p_outcome ->> 'unbegun')::boolean then
    -- The service turned everybody with this key away, or the worker cannot do this kind of work;
    -- that says nothing about this job.
    return jobs._put_in_line(
      v_job, jobs.clock() + make_interval(secs => coalesce(v_after, 1)), v_reason
    );
  end if;
  return jobs._try_again(
    v_job, v_kind, v_after, v_reason, p_outcome ->> 'code',
    case v_outcome when 'unknown' then 'unknown' else 'failed' end
  );
end;
$$;


--
-- Name: FUNCTION settle(p_job_id bigint, p_run_no integer, p_outcome jsonb); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.settle(p_job_id bigint, p_run_no integer, p_outcome jsonb) IS 'Report how a run went: {"outcome": "done" | "try_later" | "give_up" | "unknown", "answer",
"after", "reason", "code", "pause_key", "unbegun", "throttle"}. Ends the job or lets it wait for
another attempt, and runs the kind''s settle function where it ends, all in this transaction.
Returns done, failed, unknown, cancelled, ready, scheduled; or stale, with nothing changed, where
the run is not the present one.
Raises JQ008, and for a done job whatever its settle function raises.';


--
-- Name: settle_alert(bigint, jsonb, jsonb); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.settle_alert(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update jobs.alert_notices as n
  set ended_at = jobs.clock(), outcome = p_result ->> 'state', reason = p_result ->> 'reason'
  where n.job_id = p_job_id and n.ended_at is null;
  return null;
end;
$$;


--
-- Name: FUNCTION settle_alert(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.settle_alert(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles jobs.send_slack and jobs.send_mail: what was told, or was not. Nothing is told twice.';


--
-- Name: silence_alert(bigint, timestamp with time zone, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.silence_alert(p_alert_id bigint, p_until timestamp with time zone, p_reason text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_alert jobs.alerts;
begin
  select a.* from jobs.alerts as a where a.alert_id = p_alert_id into v_alert;
  if not found then
    raise exception using
      errcode = 'JQ021',
      message = 'There is no such alert.',
      detail  = format('alert_id=%s', p_alert_id),
      hint    = 'select * from jobs.alerts_status;';
  end if;
  perform jobs._silence(v_alert.rule, v_alert.about, p_until, p_reason);
end;
$$;


--
-- Name: FUNCTION silence_alert(p_alert_id bigint, p_until timestamp with time zone, p_reason text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.silence_alert(p_alert_id bigint, p_until timestamp with time zone, p_reason text) IS 'Do not tell of this alert, nor of the next one about the same thing, before p_until; null ends the silence. Raises JQ021.';


--
-- Name: silence_rule(text, timestamp with time zone, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.silence_rule(p_rule text, p_until timestamp with time zone, p_reason text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not exists (select from jobs.alert_rules as r where r.rule = p_rule) then
    perform jobs._refuse_rule(p_rule);
  end if;
  perform jobs._silence(p_rule, '', p_until, p_reason);
end;
$$;


--
-- Name: FUNCTION silence_rule(p_rule text, p_until timestamp with time zone, p_reason text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.silence_rule(p_rule text, p_until timestamp with time zone, p_reason text) IS 'Do not tell of anything that a rule finds before p_until; null ends the silence. Raises JQ020.';


--
-- Name: sleep(bigint, integer, text, interval, timestamp with time zone); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.sleep(p_job_id bigint, p_run_no integer, p_step text, p_for interval DEFAULT NULL::interval, p_until timestamp with time zone DEFAULT NULL::timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_job   jobs.running := jobs._hold_run(p_job_id, p_run_no);
  v_until timestamptz;
begin
  insert into jobs.steps (job_id, step, begun_at, value)
  values (p_job_id, p_step, jobs.clock(), to_jsonb(coalesce(p_until, jobs.clock() + p_for)))
  on conflict (job_id, step) do nothing;
  select (s.value #>> '{}')::timestamptz
  from jobs.steps as s where s.job_id = p_job_id and s.step = p_step
  into v_until;
  if v_until is null or v_until <= jobs.clock() then
    update jobs.steps as s
    set done_at = jobs.clock()
    where s.job_id = p_job_id and s.step = p_step and s.done_at is null;
    return true;
  end if;
  if jobs._set_aside(v_job) then
    perform jobs._put_in_line(v_job, v_until, format('Sleeps: %s.', p_step));
  end if;
  return false;
end;
$$;


--
-- Name: FUNCTION sleep(p_job_id bigint, p_run_no integer, p_step text, p_for interval, p_until timestamp with time zone); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.sleep(p_job_id bigint, p_run_no integer, p_step text, p_for interval, p_until timestamp with time zone) IS 'Put a running job off for p_for, or until p_until; costs no attempt, holds no worker and keeps
its steps. False: the run is over, stop. When the job runs again and asks the same, true: go on. The
first to ask for a step sets its time. Raises JQ033 (not the present run).';


--
-- Name: snooze(bigint, integer, timestamp with time zone, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.snooze(p_job_id bigint, p_run_no integer, p_until timestamp with time zone, p_reason text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_job jobs.running;
begin
  select r.* from jobs.running as r
  where r.job_id = p_job_id and r.run_no = p_run_no
  for update
  into v_job;
  if not found then
    return 'stale';
  elsif v_job.cancel_reason is not null then
    return jobs._finish(v_job, 'cancelled', v_job.cancel_reason);
  end if;
  return jobs._put_in_line(v_job, p_until, p_reason);
end;
$$;


--
-- Name: FUNCTION snooze(p_job_id bigint, p_run_no integer, p_until timestamp with time zone, p_reason text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.snooze(p_job_id bigint, p_run_no integer, p_until timestamp with time zone, p_reason text) IS 'Put a running job off until p_until; costs no attempt. Returns scheduled, ready, cancelled or stale.';


--
-- Name: start_worker(text, text[], interval, text[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.start_worker(p_name text, p_queues text[] DEFAULT NULL::text[], p_lease interval DEFAULT '00:00:15'::interval, p_kinds text[] DEFAULT NULL::text[]) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into jobs.workers (name, queues, kinds, lease, lease_until)
  values (p_name, coalesce(p_queues, array(select q.queue from jobs.queues as q)), p_kinds,
          p_lease, jobs.clock() + p_lease)
  returning workers.worker_id;
$$;


--
-- Name: FUNCTION start_worker(p_name text, p_queues text[], p_lease interval, p_kinds text[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.start_worker(p_name text, p_queues text[], p_lease interval, p_kinds text[]) IS 'Sign a worker on; returns its id. Its lease runs p_lease from each jobs.heartbeat. p_queues null
is every queue; p_kinds: what it has handlers for, null does not say.';


--
-- Name: step(bigint, integer, text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.step(p_job_id bigint, p_run_no integer, p_step text) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_step jobs.steps;
begin
  perform jobs._hold_run(p_job_id, p_run_no);
  insert into jobs.steps (job_id, step, begun_at)
  values (p_job_id, p_step, jobs.clock())
  on conflict (job_id, step) do nothing;
  if found then
    return jsonb_build_object('done', false, 'maybe_sent', false);
  end if;
  select s.* from jobs.steps as s where s.job_id = p_job_id and s.step = p_step into v_step;
  if v_step.done_at is null then
    return jsonb_build_object('done', false, 'maybe_sent', true);
  end if;
  return jsonb_build_object('done', true, 'value', v_step.value);
end;
$$;


--
-- Name: FUNCTION step(p_job_id bigint, p_run_no integer, p_step text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.step(p_job_id bigint, p_run_no integer, p_step text) IS 'Begin a step of a running job, or hear what came of it: {"done": true, "value"} is not to be done
again; {"done": false, "maybe_sent"} is to be done and told to jobs.keep_step, and maybe_sent says
that an earlier run began it and was not heard of again. Raises JQ033 (not the present run).';


--
-- Name: stop_worker(integer); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.stop_worker(p_worker_id integer) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  update jobs.workers as w
  set stopped_at = jobs.clock(), lease_until = jobs.clock()
  where w.worker_id = p_worker_id and w.stopped_at is null;
$$;


--
-- Name: FUNCTION stop_worker(p_worker_id integer); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.stop_worker(p_worker_id integer) IS 'Sign a worker off. What it still holds is taken back by the next jobs.reap as lost; give back
what was not begun with jobs.release_many first.';


--
-- Name: test_channel(text); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.test_channel(p_channel text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_kind text;
begin
  select c.kind from jobs.alert_channels as c where c.channel = p_channel into v_kind;
  if not found then
    raise exception using
      errcode = 'JQ022',
      message = 'There is no such alert channel.',
      detail  = format('channel=%s', p_channel),
      hint    = 'select channel, sends, description from jobs.alert_channels_status;';
  end if;
  return jobs.enqueue(v_kind, jsonb_build_object('channel', p_channel, 'test', true),
    p_key => p_channel);
end;
$$;


--
-- Name: FUNCTION test_channel(p_channel text); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.test_channel(p_channel text) IS 'Have a worker tell a channel that it works; returns the job. Raises JQ022.';


--
-- Name: tg_schedules_look_ahead(); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.tg_schedules_look_ahead() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  -- From now on: what a schedule missed while it was disabled, or under its old times, is not
  -- caught up.
  new.next_at := case when new.enabled
    then jobs.next_fire(new.cron, new.time_zone, jobs.clock()) end;
  return new;
end;
$$;


--
-- Name: FUNCTION tg_schedules_look_ahead(); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.tg_schedules_look_ahead() IS 'Refuse a cron expression that is none (JQ012), and set the next fire of a new or changed schedule.';


--
-- Name: tick(text[]); Type: FUNCTION; Schema: jobs; Owner: -
--

CREATE FUNCTION jobs.tick(p_parts text[] DEFAULT NULL::text[]) RETURNS TABLE(part text, did integer, error text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '100ms'
    AS $$
declare
  v_began timestamptz := clock_timestamp();
  v_turn  timestamptz;
begin
  -- Whoever comes while another ticks has nothing to do.
  if not pg_try_advisory_xact_lock(79, 0) then
    return;
  end if;
  foreach part in array array[
    'promote', 'fire', 'reap', 'rounds', 'end_runs', 'sweep', 'partitions', 'alerts', 'rollups',
    'retention'
  ] loop
    continue when part <> all (p_parts) or not jobs._is_due(part);
    error := null;
    did := 0;
    v_turn := clock_timestamp();
    -- Each part by itself: one that fails must not stop the clock for the others.
    begin
      case part
        when 'promote' then did := jobs._promote(5000);
        when 'fire' then did := jobs._fire();
        when 'reap' then did := jobs.reap();
        when 'rounds' then did := jobs._make_rounds(5000);
        when 'end_runs' then did := jobs._end_runs();
        when 'sweep' then did := jobs._sweep();
        when 'partitions' then did := jobs._make_partitions(3);
        when 'alerts' then did := jobs._watch();
        when 'rollups' then did := jobs._plan_roll_ups();
        -- Last, for the locks of a day that is dropped are held until the end.
        when 'retention' then did := jobs._retain();
      end case;
    exception
      when others then
        error := format('%s (%s)', sqlerrm, sqlstate);
        raise warning 'jobs.tick: % failed: %', part, error;
    end;
    perform jobs._note_chore(part, v_turn, did, error);
    return next;
  end loop;
  if p_parts is null then
    perform setval('jobs.last_tick', (extract(epoch from v_began) * 1000)::bigint);
    perform setval(
      'jobs.tick_took', (extract(epoch from clock_timestamp() - v_began) * 1e6)::bigint
    );
  end if;
end;
$$;


--
-- Name: FUNCTION tick(p_parts text[]); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON FUNCTION jobs.tick(p_parts text[]) IS 'The clock: make due jobs ready, fire schedules, take back what dead workers held, end runs,
sweep; and, as often as jobs.chores says, make partitions ahead, look for what is worth an alert,
have hours summed up, drop what is kept no longer. Call it each second, from anywhere, as often as
you like: two ticks at once are one. No part waits longer than 100 ms for a lock. p_parts: only
these of what it does; that does not count as a tick.
Returns what each part did, and its error if it failed; nothing where another tick is under way.';


--
-- Name: tick_for_a_minute(); Type: PROCEDURE; Schema: jobs; Owner: -
--

CREATE PROCEDURE jobs.tick_for_a_minute()
    LANGUAGE plpgsql
    AS $$
declare
  -- A little early, so that the next minute's call never finds this one still at it.
  v_end constant timestamptz := pg_catalog.clock_timestamp() + interval '58 s';
begin
  loop
    perform jobs.tick();
    commit;
    exit when pg_catalog.clock_timestamp() >= v_end;
    perform pg_catalog.pg_sleep(1);
  end loop;
end;
$$;


--
-- Name: PROCEDURE tick_for_a_minute(); Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON PROCEDURE jobs.tick_for_a_minute() IS 'Tick each second for most of a minute, each time in a transaction of its own: for a clock whose smallest step is a minute, as pg_cron''s is before 1.5.';


--
-- Name: _apply_orders(uuid, uuid, bigint, date); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._apply_orders(p_user_id uuid, p_shop_id uuid, p_import_id bigint, p_last_day date) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_time_zone text;
  v_currency  text;
  v_begun_at  timestamptz;
  v_first_day date;
  v_last_day  date;
  v_keys      text[];
  v_lines     integer;
begin
  select s.time_zone, coalesce(t.currency, 'EUR'), i.begun_at
  into v_time_zone, v_currency, v_begun_at
  from shops.imports as i
  join shops.shops as s on s.user_id = i.user_id and s.shop_id = i.shop_id
  left join shops.settings as t on t.user_id = s.user_id and t.shop_id = s.shop_id
  where i.user_id = p_user_id and i.import_id = p_import_id;

  insert into shops.import_rejects (user_id, import_id, line_no, reason, cells)
  select l.user_id, l.import_id, l.line_no, r.problem, l.cells
  from shops._read_order_lines(p_user_id, p_import_id, v_currency) as r
  join shops.import_lines as l
    on l.user_id = p_user_id and l.import_id = p_import_id and l.line_no = r.line_no
  where r.problem is not null
  on conflict do nothing;

  with lines as materialized (
    select r.*, max((r.created_at at time zone v_time_zone)::date) over () as last_day
    from shops._read_order_lines(p_user_id, p_import_id, v_currency) as r
    where not exists (
      select
      from shops.import_rejects as j
      where j.user_id = p_user_id and j.import_id = p_import_id and j.line_no = r.line_no
    )
  ),
  shifted as materialized (
    select l.*,
           -- Whole days by the shop's clock, so that an order stays in its hour over a change of
           -- the clocks.
           ((l.created_at at time zone v_time_zone) + s.shift) at time zone v_time_zone
             as ordered_at,
           ((l.cancelled_at at time zone v_time_zone) + s.shift) at time zone v_time_zone
             as given_up_at
    from lines as l
    cross join lateral (
      select make_interval(days => coalesce(p_last_day - l.last_day, 0))
    ) as s (shift)
  ),
  told as (
    select s.order_key, s.name, s.ordered_at, min(s.line_no) as first_line,
           jsonb_build_object(
             'order_gid', s.order_key,
             'name', s.name,
             'created_at', shops._time_text(s.ordered_at),
             'updated_at', shops._time_text(v_begun_at),
             'cancelled_at', shops._time_text(s.given_up_at),
             'test', false,
             'financial_status', s.financial_status,
             'currency', s.currency,
             'refunded', s.refunded,
             'lines', jsonb_agg(
               jsonb_build_object(
                 'sku', s.sku,
                 'title', s.title,
                 'quantity', s.quantity,
                 'current_quantity', case when s.financial_status = 'refunded' then 0
                   else s.quantity end,
                 'unit_price', s.unit_price,
                 'total', s.total,
                 'currency', s.currency
               )
               order by s.line_no
             )
           ) as told
    from shifted as s
    group by s.order_key, s.name, s.ordered_at, s.given_up_at, s.financial_status, s.currency,
      s.refunded
  ),
  batches as (
    select jsonb_agg(n.told order by n.first_line) as told
    from (select t.*, (row_number() over (order by t.first_line) - 1) / 500 as batch from told
      as t) as n
    group by n.batch
  ),
  stored as (
    select count(shops._store_orders(p_user_id, p_shop_id, 'file', b.told)) from batches as b
  )
  select t.keys, t.first_day, t.last_day, n.lines
  into v_keys, v_first_day, v_last_day, v_lines
  from (
    select array_agg(o.order_key) as keys,
           min((o.ordered_at at time zone v_time_zone)::date) as first_day,
           max((o.ordered_at at time zone v_time_zone)::date) as last_day
    from told as o
  ) as t
  cross join (select count(*)::integer as lines from lines as l) as n
  cross join stored as s;

  update shops.imports as i
  set orders    = coalesce(cardinality(v_keys), 0),
      lines     = v_lines,
      unmatched = (
        select count(*)
        from shops.order_lines as l
        join shops.orders as o
          on o.user_id = l.user_id and o.shop_id = l.shop_id and o.order_id = l.order_id
        where l.user_id = p_user_id and l.shop_id = p_shop_id and l.product_id is null
          and o.order_key = any (v_keys)
      ),
      first_day = v_first_day,
      last_day  = v_last_day
  where i.user_id = p_user_id and i.import_id = p_import_id;

  if v_keys is null then
    return;
  end if;

  -- A file knows its last day to the end, but nobody knows what is still to come.
  update shops.trackings as t
  set imported_up_to = greatest(
        t.imported_up_to, least(shops._midnight(v_last_day + 1, v_time_zone), jobs.clock())
      )
  where t.user_id = p_user_id and t.shop_id = p_shop_id;
  update shops.products as p
  set first_tracked_at = shops._midnight(v_first_day, v_time_zone)
  where p.user_id = p_user_id and p.shop_id = p_shop_id
    and p.first_tracked_at is null and p.state in ('published', 'winner', 'loser');
end;
$$;


--
-- Name: FUNCTION _apply_orders(p_user_id uuid, p_shop_id uuid, p_import_id bigint, p_last_day date); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._apply_orders(p_user_id uuid, p_shop_id uuid, p_import_id bigint, p_last_day date) IS 'Take over the orders of an import, shifted by whole days to p_last_day where that is given. Sales then count as known to the end of the last day, and products on sale as tracked from the first one.';


--
-- Name: _apply_products(uuid, uuid, bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._apply_products(p_user_id uuid, p_shop_id uuid, p_import_id bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_currency text := coalesce(
    (select t.currency from shops.settings as t where t.user_id = p_user_id
      and t.shop_id = p_shop_id),
    'EUR'
  );
begin
  insert into shops.import_rejects (user_id, import_id, line_no, reason, cells)
  select p_user_id, p_import_id, l.line_no, w.reason, l.cells
  from (
    select i.line_no, i.cells, btrim(i.cells ->> 'Handle') as handle,
           -- A product is nothing without the title of its first line.
           first_value(i.cells ->> 'Title')
             over (partition by i.cells ->> 'Handle' order by i.line_no) as title,
           min(i.line_no) over (
             partition by i.cells ->> 'Handle', i.cells ? 'Title', i.cells ->> 'Variant SKU',
                          i.cells ->> 'Option1 Value', i.cells ->> 'Option2 Value',
                          i.cells ->> 'Option3 Value'
           ) as first_line
    from shops.import_lines as i
    where i.user_id = p_user_id and i.import_id = p_import_id
  ) as l
  cross join lateral (
    select case
      when coalesce(l.handle, '') = '' then 'It has no Handle.'
      when l.title is null then format('The first line of %s has no Title.', l.handle)
      when l.cells ? 'Variant Price'
        and shops._minor(l.cells ->> 'Variant Price', v_currency) is null
        then format('The Variant Price is no amount of %s: %s.', v_currency,
        l.cells ->> 'Variant Price')
      when l.cells ? 'Status'
        and lower(btrim(l.cells ->> 'Status')) not in ('active', 'draft', 'archived', 'unlisted')
        then format('The Status is none of active, draft, archived and unlisted: %s.',
        l.cells ->> 'Status')
      when l.cells ? 'Title' and l.first_line < l.line_no
        then format('It repeats line %s.', l.first_line)
    end
  ) as w (reason)
  where w.reason is not null
  on conflict do nothing;

  with read as materialized (
    select l.line_no,
           btrim(l.cells ->> 'Handle') as handle,
           btrim(l.cells ->> 'Title') as title,
           nullif(concat_ws(' / ', l.cells ->> 'Option1 Value', l.cells ->> 'Option2 Value',
             l.cells ->> 'Option3 Value'), '')
             as options,
           nullif(ltrim(btrim(l.cells ->> 'Variant SKU'), ''''), '') as sku,
           shops._minor(l.cells ->> 'Variant Price', v_currency) as price_minor,
           l.cells ->> 'Image Src' as image_url,
           substring(l.cells ->> 'Image Position' from '^[0-9]{1,9}$')::integer as image_place,
           l.cells
    from shops.import_lines as l
    where l.user_id = p_user_id and l.import_id = p_import_id
      and not exists (
        select
        from shops.import_rejects as j
        where j.user_id = l.user_id and j.import_id = l.import_id and j.line_no = l.line_no
      )
  ),
  -- The lines of a handle are one product with its variants and pictures. No product has the same
  -- variant twice: a titled line that repeats one is another product, and a shop numbers its
  -- handle.
  counted as (
    select r.*,
           case when r.title is not null then row_number() over (
             partition by r.handle, r.title is not null,
             coalesce(r.options, 'Default Title') order by r.line_no
           ) - 1 end as copy
    from read as r
  ),
  grouped as (
    select c.*,
           c.title is not null or c.options is not null or c.sku is not null
             or c.price_minor is not null
             as is_variant,
           c.handle || coalesce('-' || nullif(max(c.copy) over (
             partition by c.handle order by c.line_no
           ), 0), '') as own_handle
    from counted as c
  ),
  numbered as materialized (
    select g.*,
           row_number() over (partition by g.own_handle order by g.title is null, g.line_no)
             as place,
           count(*) filter (where g.is_variant) over (partition by g.own_handle) as variants,
           first_value(g.image_url) over (
             partition by g.own_handle order by g.image_url is null, g.image_place, g.line_no
           ) as picture
    from grouped as g
  ),
  kept as (
    insert into shops.products as p (
      user_id, shop_id, origin, state, handle, sku, title, description, tags, price_minor, currency,
      image_url, shop_status
    )
    select p_user_id, p_shop_id, 'imported', s.state, n.own_handle, n.sku, n.title,
      n.cells ->> 'Body (HTML)',
           coalesce(
             (
               select array_agg(btrim(t.tag) order by t.place)
               from string_to_table(n.cells ->> 'Tags', ',') with ordinality as t (tag, place)
               where btrim(t.tag) <> ''
             ),
             '{}'
           ),
           n.price_minor, v_currency,
           n.picture,
           s.status
    from numbered as n
    cross join lateral (
      select case lower(btrim(coalesce(
               n.cells ->> 'Status',
               case when lower(n.cells ->> 'Published') = 'false' then 'draft' end,
               'active'
             )))
               when 'draft' then 'DRAFT' when 'archived' then 'ARCHIVED' when 'unlisted'
                 then 'UNLISTED'
               else 'ACTIVE'
             end
    ) as k (status)
    cross join lateral (
      select k.status,
             case k.status when 'DRAFT' then 'created' when 'ARCHIVED' then 'archived'
               else 'published' end as state
    ) as s
    where n.place = 1
    order by n.line_no
    on conflict (user_id, shop_id, handle) do update
    set title       = excluded.title,
        description = excluded.description,
        tags        = excluded.tags,
        sku         = excluded.sku,
        price_minor = excluded.price_minor,
        currency    = excluded.currency,
        image_url   = excluded.image_url,
        shop_status = excluded.shop_status,
        -- A verdict of ours stays while the product is on sale.
        state       = case
          when excluded.state = 'published' and p.state in ('winner', 'loser') then p.state
          when excluded.state = 'created' then p.state
          else excluded.state
        end
    -- What AutoM made it knows better than a file.
    where p.origin = 'imported'
    returning p.product_id, p.handle
  ),
  variants as (
    insert into shops.variants as v
      (user_id, shop_id, product_id, variant_no, sku, title, price_minor)
    select p_user_id, p_shop_id, k.product_id,
           row_number() over (partition by k.product_id order by n.line_no), n.sku, n.options,
             n.price_minor
    from kept as k
    join numbered as n on n.own_handle = k.handle
    where n.is_variant and n.variants > 1
    on conflict (user_id, shop_id, product_id, variant_no) do update
    set sku = excluded.sku, title = excluded.title, price_minor = excluded.price_minor
  ),
  gone as (
    delete from shops.variants as v
    using kept as k, numbered as n
    where v.user_id = p_user_id and v.shop_id = p_shop_id and v.product_id = k.product_id
      and n.own_handle = k.handle and n.place = 1
      and v.variant_no > case when n.variants > 1 then n.variants else 0 end
  )
  update shops.imports as i
  set products = (select count(*) from numbered as n where n.place = 1),
      lines    = (select count(*) from numbered as n where n.is_variant)
  where i.user_id = p_user_id and i.import_id = p_import_id;

  -- The planner must know of them before the lines of orders look for them.
  analyze shops.products, shops.variants;
  -- Orders that came before their products find them now.
  perform shops._match_lines(p_user_id, p_shop_id);
end;
$_$;


--
-- Name: FUNCTION _apply_products(p_user_id uuid, p_shop_id uuid, p_import_id bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._apply_products(p_user_id uuid, p_shop_id uuid, p_import_id bigint) IS 'Take over the products of an import: one for each handle, with its variants and first picture. A product that was imported before is updated, one that AutoM made is left as it is. Prices are in the currency of the shop''s settings, EUR without any.';


--
-- Name: _ask_model(bigint, uuid, bigint, uuid, text, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._ask_model(p_job_id bigint, p_user_id uuid, p_product_id bigint, p_connection_id uuid, p_task text, p_request jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_shop_id uuid;
  v_model   text;
  v_quality text;
  v_refused text;
begin
  select p.shop_id, m.model, m.quality into v_shop_id, v_model, v_quality
  from shops.products as p
  left join lateral shops._model(p.user_id, p.shop_id, p_task) as m on true
  where p.user_id = p_user_id and p.product_id = p_product_id;
  if v_model is null then
    return jsonb_build_object('give_up', 'no_model');
  end if;

  v_refused := shops._open_ai_call(
    p_job_id, p_user_id, v_shop_id, p_product_id, p_task, v_model, v_quality, p_request,
    p_maybe_sent
  );
  if v_refused is not null then
    return jsonb_build_object('give_up', v_refused);
  end if;

  return jsonb_build_object(
    'connection_id', p_connection_id,
    'request', p_request || jsonb_build_object('model', v_model) || case
      when p_task = 'image' then jsonb_build_object('quality', replace(v_quality, 'any', 'auto'))
      else '{}'
    end
  );
end;
$$;


--
-- Name: FUNCTION _ask_model(p_job_id bigint, p_user_id uuid, p_product_id bigint, p_connection_id uuid, p_task text, p_request jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._ask_model(p_job_id bigint, p_user_id uuid, p_product_id bigint, p_connection_id uuid, p_task text, p_request jsonb, p_maybe_sent boolean) IS 'What a prepare function answers to have a model asked: the request with the shop''s model in it, once the user''s budget allows the call; else why not (no_model, budget_reached).';


--
-- Name: _day(uuid, uuid); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._day(p_user_id uuid, p_shop_id uuid) RETURNS TABLE(user_id uuid, shop_id uuid, today date, day_start timestamp with time zone, day_3 timestamp with time zone, day_7 timestamp with time zone, day_10 timestamp with time zone, day_14 timestamp with time zone, complete_up_to timestamp with time zone, fresh boolean, start_phase interval)
    LANGUAGE plpgsql STABLE ROWS 1 PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
  select s.user_id, s.shop_id, t.today,
         shops._midnight(t.today, s.time_zone),
         shops._midnight(t.today - 3, s.time_zone),
         shops._midnight(t.today - 7, s.time_zone),
         shops._midnight(t.today - 10, s.time_zone),
         shops._midnight(t.today - 14, s.time_zone),
         k.complete_up_to,
         coalesce(k.complete_up_to >= shops._midnight(t.today, s.time_zone), false),
         make_interval(hours => 24 * r.start_phase_days)
  from shops.shops as s
  cross join lateral (select (jobs.clock() at time zone s.time_zone)::date) as t (today)
  join shops.present_rules as r on r.user_id = s.user_id and r.shop_id = s.shop_id
  left join shops.trackings as k on k.user_id = s.user_id and k.shop_id = s.shop_id
  where s.user_id = p_user_id and s.shop_id = p_shop_id;
end;
$$;


--
-- Name: FUNCTION _day(p_user_id uuid, p_shop_id uuid); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._day(p_user_id uuid, p_shop_id uuid) IS 'A shop''s present day and where its windows begin, as shops.sales_days shows them. A function and no part of the views, so that time zones are looked up once for a shop and not for each product.';


--
-- Name: _decimals(text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._decimals(p_currency text) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
  select case
    when p_currency in ('JPY', 'KRW', 'VND', 'CLP', 'ISK', 'XAF', 'XOF', 'XPF', 'PYG', 'UGX',
      'RWF') then 0
    when p_currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
    else 2
  end;
$$;


--
-- Name: FUNCTION _decimals(p_currency text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._decimals(p_currency text) IS 'Digits after the point of a currency''s amounts (ISO 4217): 2 for EUR, 0 for JPY, 3 for KWD.';


--
-- Name: _end_ai_call(bigint, text, jsonb, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._end_ai_call(p_job_id bigint, p_state text, p_usage jsonb DEFAULT NULL::jsonb, p_request_id text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  with priced as (
    select c.user_id, c.ai_call_id, c.month, c.ceiling, u.input_tokens, u.output_tokens,
           case p_state
             when 'not_charged' then 0
             when 'unknown' then c.ceiling
             else case
               when m.is_free then 0
               when m.per_image is not null then m.per_image
               -- Without usage nobody can tell, so it counts as the most it may have been.
               else coalesce(ceil((u.input_tokens * m.input_per_million
                                   + u.output_tokens * m.output_per_million) / 1000000.0),
                                   c.ceiling)
             end
           end::bigint as cost
    from shops.ai_calls as c
    join shops.models as m on m.task = c.task and m.model = c.model and m.quality = c.quality
    cross join lateral (
      select (p_usage ->> 'input_tokens')::bigint, (p_usage ->> 'output_tokens')::bigint
    ) as u (input_tokens, output_tokens)
    where c.job_id = p_job_id and c.state = 'open'
    for update of c
  ),
  ended as (
    update shops.ai_calls as c
    set state         = p_state,
        cost          = p.cost,
        input_tokens  = p.input_tokens,
        output_tokens = p.output_tokens,
        request_id    = p_request_id,
        ended_at      = jobs.clock()
    from priced as p
    where c.user_id = p.user_id and c.ai_call_id = p.ai_call_id
    returning c.user_id
  )
  update shops.budget_months as b
  set held  = b.held - p.ceiling,
      spent = b.spent + p.cost
  from priced as p
  where b.user_id = p.user_id and b.month = p.month;
end;
$$;


--
-- Name: FUNCTION _end_ai_call(p_job_id bigint, p_state text, p_usage jsonb, p_request_id text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._end_ai_call(p_job_id bigint, p_state text, p_usage jsonb, p_request_id text) IS 'End the open call of a job, if there is one, as paid, not_charged or unknown: record what it cost from the usage and the model''s prices, and give back what was held for it.';


--
-- Name: _end_pass(uuid, bigint, text, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._end_pass(p_user_id uuid, p_pass_id bigint, p_state text, p_reason text DEFAULT NULL::text) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with ended as (
    update shops.order_passes as p
    set state    = p_state,
        reason   = left(p_reason, 500),
        ended_at = jobs.clock()
    where p.user_id = p_user_id and p.pass_id = p_pass_id and p.state = 'reading'
    returning p.user_id, p.shop_id, p.run_id, p.then_scale, p.state, p.reason, p.orders,
      p.started_at
  ),
  tracked as (
    update shops.trackings as t
    set read_up_to = greatest(t.read_up_to, e.started_at)
    from ended as e
    where t.user_id = e.user_id and t.shop_id = e.shop_id and e.state = 'complete'
  ),
  -- Tracking of a product begins once: when we published it, or with the first pass that could see
  -- it.
  begun as (
    update shops.products as p
    set first_tracked_at = coalesce(p.published_at, e.started_at)
    from ended as e
    where p.user_id = e.user_id and p.shop_id = e.shop_id and e.state = 'complete'
      and p.first_tracked_at is null and p.state in ('published', 'winner', 'loser')
  )
  update shops.shop_runs as r
  set status = case e.state when 'complete' then 'succeeded' else 'failed' end,
      items  = e.orders,
      error  = e.reason
  from ended as e
  where r.user_id = e.user_id and r.shop_id = e.shop_id and r.run_id = e.run_id
    and r.job = 'sales_tracker';
$$;


--
-- Name: FUNCTION _end_pass(p_user_id uuid, p_pass_id bigint, p_state text, p_reason text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._end_pass(p_user_id uuid, p_pass_id bigint, p_state text, p_reason text) IS 'End a pass as complete (the cursor moves to its beginning, products on sale are tracked from now on) or failed with the reason (the cursor stays).';


--
-- Name: _enqueue_step(text, uuid, bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._enqueue_step(p_kind text, p_user_id uuid, p_product_id bigint) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select jobs.enqueue(
      p_kind       => p_kind,
      p_payload    => jsonb_build_object('product_id', p.product_id),
      p_key        => c.connection_id::text,
      p_tenant     => p.user_id,
      p_unique_key => p.product_id::text
    )
    from shops.products as p
    join shops.steps as t on t.kind = p_kind
    left join shops.shop_connections as c
      on c.user_id = p.user_id and c.shop_id = p.shop_id and c.service = t.service
    where p.user_id = p_user_id and p.product_id = p_product_id
  );
end;
$$;


--
-- Name: FUNCTION _enqueue_step(p_kind text, p_user_id uuid, p_product_id bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._enqueue_step(p_kind text, p_user_id uuid, p_product_id bigint) IS 'Let a product take a step; while that step is under way already, this changes nothing.';


--
-- Name: _fail_step(text, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._fail_step(p_kind text, p_payload jsonb, p_result jsonb) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_product record;
  v_reason  text := left(coalesce(p_result ->> 'reason', p_result ->> 'state'), 500);
begin
  -- A skipped step was not needed: the product is elsewhere already.
  if p_result ->> 'state' = 'skipped' then
    return;
  end if;

  select p.user_id, p.shop_id, p.product_id, p.run_id, p.quota_state, p.quota_month into v_product
  from shops.products as p
  join shops.steps as t on t.kind = p_kind and t.state = p.state
  where p.product_id = (p_payload ->> 'product_id')::bigint
  for update of p;
  if not found then
    return;
  end if;

  update shops.products as p
  set state         = 'failed',
      failed_in     = p.state,
      failed_reason = v_reason,
      quota_state   = case when p.quota_state = 'held' then 'released' else p.quota_state end,
      optimization_status = case
        when p_kind in ('shops.optimise_product', 'shops.update_product') then 'failed'
        else p.optimization_status
      end
  where p.user_id = v_product.user_id and p.product_id = v_product.product_id;

  if v_product.quota_state = 'held' then
    update shops.quota_months as q
    set held = q.held - 1
    where q.user_id = v_product.user_id and q.month = v_product.quota_month;
  end if;

  update shops.shop_runs as r
  set error = v_reason
  where r.user_id = v_product.user_id and r.shop_id = v_product.shop_id
    and r.run_id = v_product.run_id;
end;
$$;


--
-- Name: FUNCTION _fail_step(p_kind text, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._fail_step(p_kind text, p_payload jsonb, p_result jsonb) IS 'The end of a step that gave up: its product fails with the reason, once, and what quota it held goes back. A product that is not in the step''s state is left alone.';


--
-- Name: _lock_quota(uuid[]); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._lock_quota(p_user_ids uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into shops.quota_months (user_id, month)
  select distinct u.user_id, shops._month()
  from unnest(p_user_ids) as u (user_id)
  order by u.user_id
  on conflict do nothing;

  perform
  from shops.quota_months as q
  where q.user_id = any (p_user_ids) and q.month = shops._month()
  order by q.user_id
  for update;
end;
$$;


--
-- Name: FUNCTION _lock_quota(p_user_ids uuid[]); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._lock_quota(p_user_ids uuid[]) IS 'Let nobody else reserve for these users until the transaction ends. Users are locked in key order, so that planners wait for each other and never deadlock; what is read after this call is exact.';


--
-- Name: _match(uuid, uuid, text, text, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._match(p_user_id uuid, p_shop_id uuid, p_gid text, p_sku text, p_title text) RETURNS TABLE(product_id bigint)
    LANGUAGE sql STABLE
    AS $$
  -- Joined laterally this is inlined: three looks into indexes for each line, however many there
  -- are.
  select coalesce(by_gid.product_id, by_sku.product_id, by_title.product_id)
  from (values (p_gid, p_sku, p_title)) as told (gid, sku, title)
  left join lateral (
    select p.product_id
    from shops.products as p
    where p.user_id = p_user_id and p.shop_id = p_shop_id and p.product_gid = told.gid
  ) as by_gid on true
  left join lateral (
    select min(f.product_id) as product_id
    from (
      select p.product_id
      from shops.products as p
      where p.user_id = p_user_id and p.shop_id = p_shop_id and p.sku = told.sku
        and (told.gid is null or p.product_gid is null)
      union
      select v.product_id
      from shops.variants as v
      join shops.products as p on p.user_id = v.user_id and p.product_id = v.product_id
      where v.user_id = p_user_id and v.shop_id = p_shop_id and v.sku = told.sku
        and (told.gid is null or p.product_gid is null)
    ) as f
    where by_gid.product_id is null
    having count(*) = 1
  ) as by_sku on true
  left join lateral (
    select min(f.product_id) as product_id
    from (
      select p.product_id
      from shops.products as p
      where p.user_id = p_user_id and p.shop_id = p_shop_id and p.title = told.title
        and (told.gid is null or p.product_gid is null)
      union
      -- "Varsity Top - Small" is a variant of "Varsity Top".
      select p.product_id
      from shops.products as p
      join shops.variants as v
        on v.user_id = p.user_id and v.shop_id = p.shop_id and v.product_id = p.product_id
      where p.user_id = p_user_id and p.shop_id = p_shop_id
        and p.title = any (shops._title_heads(told.title))
        and p.title || ' - ' || v.title = told.title
        and (told.gid is null or p.product_gid is null)
    ) as f
    where by_gid.product_id is null and by_sku.product_id is null
    having count(*) = 1
  ) as by_title on true;
$$;


--
-- Name: FUNCTION _match(p_user_id uuid, p_shop_id uuid, p_gid text, p_sku text, p_title text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._match(p_user_id uuid, p_shop_id uuid, p_gid text, p_sku text, p_title text) IS 'The product that a line of an order sold: by Shopify''s id, else by stock keeping unit, else by title; null where none or several fit, or where the shop''s id is of another product.';


--
-- Name: _match_lines(uuid, uuid); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._match_lines(p_user_id uuid, p_shop_id uuid) RETURNS integer
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with found as (
    update shops.order_lines as l
    set product_id = k.product_id
    from (
      select u.order_id, u.line_no, m.product_id
      from shops.order_lines as u
      cross join lateral shops._match(u.user_id, u.shop_id, u.product_gid, u.sku, u.title) as m
      where u.user_id = p_user_id and u.shop_id = p_shop_id and u.product_id is null
    ) as k
    where l.user_id = p_user_id and l.shop_id = p_shop_id
      and l.order_id = k.order_id and l.line_no = k.line_no and k.product_id is not null
    returning 1
  )
  select count(*)::integer from found;
$$;


--
-- Name: FUNCTION _match_lines(p_user_id uuid, p_shop_id uuid); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._match_lines(p_user_id uuid, p_shop_id uuid) IS 'Look again for the products of lines whose product is not known, after new products came. Returns how many were found.';


--
-- Name: _media_type(bytea); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._media_type(p_picture bytea) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case
    when substr(p_picture, 1, 8) = '\x89504e470d0a1a0a' then 'image/png'
    when substr(p_picture, 1, 3) = '\xffd8ff' then 'image/jpeg'
    when substr(p_picture, 1, 4) = '\x52494646' and substr(p_picture, 9, 4) = '\x57454250'
      then 'image/webp'
  end;
$$;


--
-- Name: FUNCTION _media_type(p_picture bytea); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._media_type(p_picture bytea) IS 'What a picture is by its first bytes; null: none that shops take.';


--
-- Name: _micro(bigint, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._micro(p_minor bigint, p_currency text) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
  select p_minor * (10 ^ (6 - shops._decimals(p_currency)))::bigint;
$$;


--
-- Name: FUNCTION _micro(p_minor bigint, p_currency text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._micro(p_minor bigint, p_currency text) IS 'Minor units as micro currency, in which Pinterest counts: 1250 EUR is 12500000.';


--
-- Name: _midnight(date, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._midnight(p_day date, p_time_zone text) RETURNS timestamp with time zone
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  -- Where clocks go back at midnight it strikes twice, and Postgres takes the second.
  select case
    when ((p_day::timestamp at time zone p_time_zone)
      - interval '1 hour') at time zone p_time_zone >= p_day
      then (p_day::timestamp at time zone p_time_zone) - interval '1 hour'
    else p_day::timestamp at time zone p_time_zone
  end;
$$;


--
-- Name: FUNCTION _midnight(p_day date, p_time_zone text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._midnight(p_day date, p_time_zone text) IS 'The first moment of a day in a time zone, also where summer time begins or ends at midnight.';


--
-- Name: _minor(text, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._minor(p_text text, p_currency text) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_minor numeric;
begin
  if p_text !~ '^\s*[0-9]{1,12}([.][0-9]{1,9})?\s*$' then
    return null;
  end if;
  v_minor := p_text::numeric * 10::numeric ^ shops._decimals(p_currency);
  return case when v_minor % 1 = 0 then v_minor end;
end;
$_$;


--
-- Name: FUNCTION _minor(p_text text, p_currency text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._minor(p_text text, p_currency text) IS 'A decimal text as exact minor units: "12.50" EUR is 1250, "1250" JPY is 1250. Null where it is no amount, or has more digits than the currency.';


--
-- Name: _model(uuid, uuid, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._model(p_user_id uuid, p_shop_id uuid, p_task text) RETURNS TABLE(model text, quality text)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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


--
-- Name: FUNCTION _model(p_user_id uuid, p_shop_id uuid, p_task text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._model(p_user_id uuid, p_shop_id uuid, p_task text) IS 'The model that a shop uses for a task: the one its settings name, else the default; no row where that one is not enabled.';


--
-- Name: _month(); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._month() RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
  select pg_catalog.date_trunc('month', jobs.clock() at time zone 'UTC')::date;
$$;


--
-- Name: FUNCTION _month(); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._month() IS 'First day of the present month, UTC: what quotas and budgets count by.';


--
-- Name: _more(bigint, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._more(p_margin bigint, p_what text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select format(
    '%s %s %s', n.number, case when p_margin < 0 then 'more' else 'fewer' end,
    case when n.number = 1 then p_what else regexp_replace(p_what, '^(net )?(\w+)', '\1\2s') end
  )
  from (select case when p_margin < 0 then -p_margin else p_margin + 1 end) as n (number);
$$;


--
-- Name: FUNCTION _more(p_margin bigint, p_what text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._more(p_margin bigint, p_what text) IS 'What flips a condition that counts: "2 more net units in 7 days" for a margin of -2, "1 fewer …" for one of 0.';


--
-- Name: _open_ai_call(bigint, uuid, uuid, bigint, text, text, text, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._open_ai_call(p_job_id bigint, p_user_id uuid, p_shop_id uuid, p_product_id bigint, p_task text, p_model text, p_quality text, p_asked jsonb, p_maybe_sent boolean) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_ceiling bigint;
begin
  insert into shops.budget_months (user_id, month)
  values (p_user_id, shops._month())
  on conflict do nothing;
  perform from shops.budget_months as b where b.user_id = p_user_id order by b.month for update;

  -- An attempt before this one may still be open: nobody told how it ended, or that it was refused.
  if exists (select from shops.ai_calls as c where c.job_id = p_job_id and c.state = 'open') then
    perform shops._end_ai_call(
      p_job_id, case when p_maybe_sent then 'unknown' else 'not_charged' end
    );
  end if;

  select m.ceiling into v_ceiling
  from shops.models as m
  where m.task = p_task and m.model = p_model and m.quality = p_quality;

  if not exists (
    select from shops.budget as b where b.user_id = p_user_id and b.budget_left >= v_ceiling
  ) then
    return 'budget_reached';
  end if;

  insert into shops.ai_calls (
    user_id, shop_id, product_id, job_id, month, task, model, quality, input_hash, ceiling
  )
  values (
    p_user_id, p_shop_id, p_product_id, p_job_id, shops._month(), p_task, p_model, p_quality,
    encode(sha256(convert_to(p_asked::text, 'UTF8')), 'hex'), v_ceiling
  );
  update shops.budget_months as b
  set held = b.held + v_ceiling
  where b.user_id = p_user_id and b.month = shops._month();
  return null;
end;
$$;


--
-- Name: FUNCTION _open_ai_call(p_job_id bigint, p_user_id uuid, p_shop_id uuid, p_product_id bigint, p_task text, p_model text, p_quality text, p_asked jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._open_ai_call(p_job_id bigint, p_user_id uuid, p_shop_id uuid, p_product_id bigint, p_task text, p_model text, p_quality text, p_asked jsonb, p_maybe_sent boolean) IS 'Allow a job one paid call, in the transaction that hands out its request: its ceiling is held from the user''s budget under a lock, so that no number of workers overspends. The answer is why not (budget_reached), or null.';


--
-- Name: _orders_problem(jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._orders_problem(p_orders jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select case
    when jsonb_typeof(p_orders) is distinct from 'array' then 'there is no list of orders'
    else coalesce(
      (
        select format('order %s: %s', coalesce(o.told ->> 'name', o.place::text), w.what)
        from jsonb_array_elements(p_orders) with ordinality as o (told, place)
        cross join lateral (
          select case
            when coalesce(o.told ->> 'order_gid', '') = '' then 'no id'
            when shops._time(o.told ->> 'created_at') is null then 'no created_at'
            when shops._time(o.told ->> 'updated_at') is null then 'no updated_at'
            when o.told ->> 'cancelled_at' is not null
              and shops._time(o.told ->> 'cancelled_at') is null
              then 'unreadable cancelled_at'
            when jsonb_typeof(o.told -> 'test') is distinct from 'boolean' then 'no test flag'
            when jsonb_typeof(o.told -> 'lines') is distinct from 'array' then 'no list of lines'
          end
        ) as w (what)
        where w.what is not null
        order by o.place
        limit 1
      ),
      (
        select format('order %s, line %s: %s', coalesce(o.told ->> 'name', o.place::text), l.place,
          w.what)
        from jsonb_array_elements(p_orders) with ordinality as o (told, place)
        cross join lateral jsonb_array_elements(o.told -> 'lines') with ordinality
          as l (told, place)
        cross join lateral (
          select case
            when coalesce(l.told ->> 'quantity', '') !~ '^[1-9][0-9]{0,8}$' then 'no quantity'
            when coalesce(l.told ->> 'current_quantity', '') !~ '^[0-9]{1,9}$'
              then 'no current quantity'
            when (l.told ->> 'current_quantity')::integer > (l.told ->> 'quantity')::integer
              then 'more units left than were sold'
            when coalesce(l.told ->> 'currency', '') !~ '^[A-Z]{3}$' then 'no currency'
            when shops._minor(l.told ->> 'total', l.told ->> 'currency') is null then 'no total'
          end
        ) as w (what)
        where w.what is not null
        order by o.place, l.place
        limit 1
      )
    )
  end;
$_$;


--
-- Name: FUNCTION _orders_problem(p_orders jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._orders_problem(p_orders jsonb) IS 'What is wrong with a page of orders as shops.read_orders answers it; null: nothing. Half a page is never stored.';


--
-- Name: _owner(uuid); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._owner(p_shop_id uuid) RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid;
begin
  select s.user_id into v_user_id from shops.shops as s where s.shop_id = p_shop_id;
  if v_user_id is null then
    raise exception using
      errcode = 'SH001',
      message = 'No such shop.',
      detail  = format('shop_id=%s', p_shop_id),
      hint    = 'select shop_id, shop from shops.overview;';
  end if;
  return v_user_id;
end;
$$;


--
-- Name: FUNCTION _owner(p_shop_id uuid); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._owner(p_shop_id uuid) IS 'The user whose shop it is. SH001: no such shop.';


--
-- Name: _paragraphs(text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._paragraphs(p_text text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select string_agg('<p>' || replace(p.paragraph, E'\n', '<br>') || '</p>', '' order by p.place)
  from regexp_split_to_table(
    replace(replace(replace(btrim(p_text), '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '\n\s*\n'
  ) with ordinality as p (paragraph, place);
$$;


--
-- Name: FUNCTION _paragraphs(p_text text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._paragraphs(p_text text) IS 'Plain text as HTML paragraphs, with nothing in it that could be markup.';


--
-- Name: _picture(text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._picture(p_base64 text) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return decode(p_base64, 'base64');
exception
  when invalid_parameter_value then
    return null;
end;
$$;


--
-- Name: FUNCTION _picture(p_base64 text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._picture(p_base64 text) IS 'The bytes that base64 text stands for; null where it is none.';


--
-- Name: _plain(text, integer); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._plain(p_text text, p_most integer) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  select case
    when length(t.plain) <= p_most then t.plain
    -- Cut after a word where there is one.
    else regexp_replace(left(t.plain, p_most - 1), '(\S)\s+\S*$', '\1') || '…'
  end
  from (
    select btrim(regexp_replace(
      replace(replace(replace(replace(
        regexp_replace(p_text, '<[^>]*>', ' ', 'g'),
        '&nbsp;', ' '), '&lt;', '<'), '&gt;', '>'), '&amp;', '&'),
      '\s+', ' ', 'g'
    )) as plain
  ) as t;
$_$;


--
-- Name: FUNCTION _plain(p_text text, p_most integer); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._plain(p_text text, p_most integer) IS 'Text without markup, at most p_most characters, cut after a word.';


--
-- Name: _plan_expansion(bigint[]); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._plan_expansion(p_decision_ids bigint[]) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  insert into shops.scaling_intents
    (user_id, shop_id, product_id, decision_id, action, target, state, reason, ended_at)
  select d.user_id, d.shop_id, d.product_id, d.decision_id, 'expand', t.platform,
         case when t.obstacle is null then 'open' else 'refused' end,
         t.obstacle,
         case when t.obstacle is not null then jobs.clock() end
  from shops.decisions as d
  join shops.platform_status as t on t.user_id = d.user_id and t.shop_id = d.shop_id
  where d.decision_id = any (p_decision_ids)
    and t.obstacle is distinct from 'not_in_plan'
    and not exists (
      select
      from shops.syncs as y
      where y.user_id = d.user_id and y.product_id = d.product_id and y.platform = t.platform
        and y.state = 'done'
    )
  order by d.decision_id, t.platform;
$$;


--
-- Name: FUNCTION _plan_expansion(p_decision_ids bigint[]); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._plan_expansion(p_decision_ids bigint[]) IS 'Bring each new winner to the platforms of the plan where it is not yet. What is refused says what is in the way (shops.platform_status); the platform''s own schedule takes the open ones.';


--
-- Name: _plan_pauses(bigint[]); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._plan_pauses(p_decision_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_intent_ids bigint[];
begin
  with kept as (
    insert into shops.scaling_intents as i
      (user_id, shop_id, product_id, decision_id, action, target, campaign_id, state)
    select d.user_id, d.shop_id, d.product_id, d.decision_id, 'pause', k.external_id,
      k.campaign_id, 'open'
    from shops.decisions as d
    join shops.campaigns as k
      on k.user_id = d.user_id and k.shop_id = d.shop_id and k.product_id = d.product_id
    where d.decision_id = any (p_decision_ids) and k.paused_by is null
    order by d.decision_id, k.campaign_id
    returning i.intent_id
  )
  select array_agg(k.intent_id) into v_intent_ids from kept as k;

  if v_intent_ids is not null then
    perform jobs.enqueue_many(
      p_kind     => 'shops.pause_campaign',
      p_payloads => array_agg(jsonb_build_object('intent_id', i.intent_id) order by i.intent_id),
      p_keys     => array_agg(k.connection_id::text order by i.intent_id),
      p_tenants  => array_agg(i.user_id order by i.intent_id)
    )
    from shops.scaling_intents as i
    join shops.campaigns as k on k.user_id = i.user_id and k.campaign_id = i.campaign_id
    where i.intent_id = any (v_intent_ids);
  end if;
end;
$$;


--
-- Name: FUNCTION _plan_pauses(p_decision_ids bigint[]); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._plan_pauses(p_decision_ids bigint[]) IS 'Pause the campaigns of products that ended as winners, but for those that are paused already.';


--
-- Name: _plan_products(bigint, uuid[], bigint[], integer[], bigint[]); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._plan_products(p_run_id bigint, p_shop_ids uuid[], p_niche_ids bigint[], p_how_many integer[], p_parents bigint[] DEFAULT NULL::bigint[]) RETURNS TABLE(shop_id uuid, niche_id bigint, parent_product_id bigint, product_id bigint)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_product_ids bigint[];
  v_keys        text[];
  v_tenants     uuid[];
begin
  with wanted as (
    select s.user_id, s.shop_id, s.time_zone, n.niche_id, n.slug, w.parent_product_id,
           t.default_price_minor, t.currency, c.connection_id,
           coalesce(m.image_version, v.image) as image,
           coalesce(m.title_version, v.title) as title,
           coalesce(m.description_version, v.description) as description,
           nextval('shops.products_product_id_seq') as product_id
    from unnest(p_shop_ids, p_niche_ids, p_how_many, p_parents)
      as w (shop_id, niche_id, how_many, parent_product_id)
    join shops.shops as s on s.shop_id = w.shop_id
    join shops.settings as t on t.user_id = s.user_id and t.shop_id = s.shop_id
    join shops.niches as n on n.user_id = s.user_id and n.shop_id = s.shop_id
      and n.niche_id = w.niche_id
    join (
      select p.user_id, p.shop_id,
             max(p.version) filter (where p.type = 'image') as image,
             max(p.version) filter (where p.type = 'title') as title,
             max(p.version) filter (where p.type = 'description') as description
      from shops.prompts as p
      where p.shop_id = any (p_shop_ids)
      group by p.user_id, p.shop_id
    ) as v on v.user_id = s.user_id and v.shop_id = s.shop_id
    -- A variation is made as its parent was, whatever the shop asks for by now.
    left join shops.products as m
      on m.user_id = s.user_id and m.product_id = w.parent_product_id
    left join shops.shop_connections as c
      on c.user_id = s.user_id and c.shop_id = s.shop_id and c.service = 'openai'
    cross join generate_series(1, w.how_many)
  ),
  made as (
    insert into shops.products (
      user_id, product_id, shop_id, niche_id, parent_product_id, origin, run_id, planned_on, state,
      quota_state, quota_month, handle, sku, price_minor, currency,
      image_version, title_version, description_version, optimization_status
    )
    overriding system value
    select w.user_id, w.product_id, w.shop_id, w.niche_id, w.parent_product_id,
           case when w.parent_product_id is null then 'planned' else 'variation' end, p_run_id,
           (jobs.clock() at time zone w.time_zone)::date, 'planned',
           'held', shops._month(), w.slug || '-' || w.product_id, 'POD-' || w.product_id,
           w.default_price_minor, w.currency, w.image, w.title, w.description, 'pending'
    from wanted as w
    returning user_id, product_id
  ),
  held as (
    insert into shops.quota_months as q (user_id, month, held)
    select m.user_id, shops._month(), count(*)
    from made as m
    group by m.user_id
    order by m.user_id
    on conflict (user_id, month) do update set held = q.held + excluded.held
  )
  select array_agg(w.product_id order by w.product_id),
         array_agg(w.connection_id::text order by w.product_id),
         array_agg(w.user_id order by w.product_id)
  into v_product_ids, v_keys, v_tenants
  from wanted as w;

  if v_product_ids is null then
    return;
  end if;

  perform jobs.enqueue_many(
    p_kind        => 'shops.draw_design',
    p_payloads    => array(
      select jsonb_build_object('product_id', i.product_id)
      from unnest(v_product_ids) with ordinality as i (product_id, place)
      order by i.place
    ),
    p_keys        => v_keys,
    p_tenants     => v_tenants,
    p_unique_keys => array(
      select i.product_id::text
      from unnest(v_product_ids) with ordinality as i (product_id, place)
      order by i.place
    )
  );

  return query
  select p.shop_id, p.niche_id, p.parent_product_id, p.product_id
  from shops.products as p
  where p.product_id = any (v_product_ids)
  order by p.product_id;
end;
$$;


--
-- Name: FUNCTION _plan_products(p_run_id bigint, p_shop_ids uuid[], p_niche_ids bigint[], p_how_many integer[], p_parents bigint[]); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._plan_products(p_run_id bigint, p_shop_ids uuid[], p_niche_ids bigint[], p_how_many integer[], p_parents bigint[]) IS 'Plan products: p_how_many[i] for niche p_niche_ids[i] of shop p_shop_ids[i], variations of p_parents[i] where that is given, from the prompts in the versions that it was made from; others from the shop''s present prompts. Holds quota for them and starts their first step, for all in a fixed number of statements. The caller has decided how many under shops._lock_quota.';


--
-- Name: _plan_raises(bigint[]); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._plan_raises(p_decision_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_intent_ids bigint[];
begin
  -- The limits of a shop hold only if its campaigns are looked at by one at a time.
  perform
  from shops.campaigns as k
  where (k.user_id, k.shop_id) in (
    select d.user_id, d.shop_id from shops.decisions as d where d.decision_id = any (p_decision_ids)
  )
  order by k.user_id, k.campaign_id
  for no key update;

  with wanted as (
    select d.user_id, d.decision_id, d.shop_id, d.product_id, k.campaign_id, k.external_id,
      k.currency,
           k.daily_budget,
           least(k.daily_budget * (100 + r.raise_percent) / 100, r.campaign_budget_limit_minor)
             as to_budget,
           r.campaign_budget_limit_minor, r.raise_day_limit_minor, r.ads_budget_limit_minor,
           case
             when not s.enabled then 'disabled'
             when not s.pinterest then 'not_connected'
             when k.paused_by is not null then 'paused_by_' || k.paused_by
             when k.daily_budget >= r.campaign_budget_limit_minor then 'campaign_limit_reached'
             when k.daily_budget * r.raise_percent < 100 then 'step_too_small'
             when exists (
               select
               from shops.scaling_intents as i
               where i.user_id = k.user_id and i.campaign_id = k.campaign_id and i.state = 'open'
             ) then 'being_raised'
           end as refusal
    from shops.decisions as d
    join shops.campaigns as k
      on k.user_id = d.user_id and k.shop_id = d.shop_id and k.product_id = d.product_id
    join shops.readiness as s on s.user_id = d.user_id and s.shop_id = d.shop_id
    join shops.present_rules as r on r.user_id = d.user_id and r.shop_id = d.shop_id
    where d.decision_id = any (p_decision_ids)
      and r.raise_percent > 0
      and (k.raised_at is null or k.raised_at <= jobs.clock()
        - make_interval(days => r.raise_cool_down_days))
  ),
  -- Raises of the day and budgets of the shop add up in the order of the decisions.
  summed as (
    select w.*,
           t.raised_today + sum(w.to_budget - w.daily_budget) filter (where w.refusal is null)
             over so_far
             as raised,
           t.budgets + sum(w.to_budget - w.daily_budget) filter (where w.refusal is null)
             over so_far
             as budgets
    from wanted as w
    cross join lateral (
      select (
               select coalesce(sum(i.to_budget - i.from_budget), 0)
               from shops.scaling_intents as i
               join shops.sales_days as d on d.user_id = i.user_id and d.shop_id = i.shop_id
               where i.user_id = w.user_id and i.shop_id = w.shop_id and i.action = 'raise_budget'
                 and i.state in ('open', 'done') and i.created_at >= d.day_start
             ) as raised_today,
             (
               select sum(coalesce(i.to_budget, c.daily_budget))
               from shops.campaigns as c
               left join shops.scaling_intents as i
                 on i.user_id = c.user_id and i.campaign_id = c.campaign_id and i.state = 'open'
               where c.user_id = w.user_id and c.shop_id = w.shop_id and c.paused_by is null
             ) as budgets
    ) as t
    window so_far as (partition by w.user_id, w.shop_id order by w.decision_id, w.campaign_id)
  ),
  judged as (
    select s.*,
           coalesce(
             s.refusal,
             case
               when s.raised > s.raise_day_limit_minor then 'day_limit_reached'
               when s.budgets > s.ads_budget_limit_minor then 'shop_limit_reached'
             end
           ) as why_not
    from summed as s
  ),
  kept as (
    insert into shops.scaling_intents as i (
      user_id, shop_id, product_id, decision_id, action, target, campaign_id, from_budget,
      to_budget,
      currency, state, reason, ended_at
    )
    select j.user_id, j.shop_id, j.product_id, j.decision_id, 'raise_budget', j.external_id,
      j.campaign_id,
           j.daily_budget, greatest(j.to_budget, j.daily_budget), j.currency,
           case when j.why_not is null then 'open' else 'refused' end,
           j.why_not,
           case when j.why_not is not null then jobs.clock() end
    from judged as j
    order by j.decision_id, j.campaign_id
    returning i.intent_id, i.state
  )
  select array_agg(k.intent_id) filter (where k.state = 'open') into v_intent_ids
  from kept as k;

  if v_intent_ids is not null then
    perform jobs.enqueue_many(
      p_kind     => 'shops.raise_budget',
      p_payloads => array_agg(jsonb_build_object('intent_id', i.intent_id) order by i.intent_id),
      p_keys     => array_agg(k.connection_id::text order by i.intent_id),
      p_tenants  => array_agg(i.user_id order by i.intent_id)
    )
    from shops.scaling_intents as i
    join shops.campaigns as k on k.user_id = i.user_id and k.campaign_id = i.campaign_id
    where i.intent_id = any (v_intent_ids);
  end if;
end;
$$;


--
-- Name: FUNCTION _plan_raises(p_decision_ids bigint[]); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._plan_raises(p_decision_ids bigint[]) IS 'Raise the budgets of winners'' campaigns by one step each, within the limits of the campaign, the shop''s day and the shop''s budgets together; not before the cool-down is over, and never one that is paused. What is refused says why (disabled, not_connected, paused_by_user, paused_by_rule, campaign_limit_reached, step_too_small, being_raised, day_limit_reached, shop_limit_reached).';


--
-- Name: _plan_variations(bigint, bigint[]); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._plan_variations(p_run_id bigint, p_decision_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  perform shops._lock_quota(array(
    select distinct d.user_id from shops.decisions as d where d.decision_id = any (p_decision_ids)
  ));

  with wanted as materialized (
    select d.user_id, d.decision_id, d.shop_id, d.product_id, p.niche_id, r.variations_per_winner,
           case
             when not s.enabled then 'disabled'
             when not (s.shopify and s.openai) then 'not_connected'
             when not s.configured then 'no_settings'
             when p.niche_id is null then 'no_niche'
             when not n.active then 'niche_not_active'
             when b.budget_left = 0 then 'budget_reached'
           end as refusal,
           q.quota_left
    from shops.decisions as d
    join shops.products as p on p.user_id = d.user_id and p.product_id = d.product_id
    join shops.readiness as s on s.user_id = d.user_id and s.shop_id = d.shop_id
    join shops.present_rules as r on r.user_id = d.user_id and r.shop_id = d.shop_id
    join shops.quota as q on q.user_id = d.user_id
    join shops.budget as b on b.user_id = d.user_id
    left join shops.niches as n on n.user_id = p.user_id and n.niche_id = p.niche_id
    where d.decision_id = any (p_decision_ids) and r.variations_per_winner > 0
  ),
  granted as (
    select w.*,
           case
             when w.refusal is not null then 0
             -- least() skips nulls, and unlimited must not become nothing.
             when w.quota_left is null then w.variations_per_winner
             else least(
               w.variations_per_winner,
               greatest(
                 w.quota_left + w.variations_per_winner
                 - sum(w.variations_per_winner) filter (where w.refusal is null)
                   over (partition by w.user_id order by w.decision_id),
                 0
               )
             )
           end as how_many
    from wanted as w
  )
  insert into shops.scaling_intents
    (user_id, shop_id, product_id, decision_id, action, how_many, state, reason, ended_at)
  select g.user_id, g.shop_id, g.product_id, g.decision_id, 'variations', g.how_many,
         case when g.how_many > 0 then 'done' else 'refused' end,
         coalesce(g.refusal, case when g.how_many < g.variations_per_winner
           then 'monthly_limit_reached' end),
         jobs.clock()
  from granted as g
  order by g.decision_id;

  perform shops._plan_products(p_run_id, w.shop_ids, w.niche_ids, w.how_many, w.parents)
  from (
    select array_agg(i.shop_id order by i.intent_id) as shop_ids,
           array_agg(p.niche_id order by i.intent_id) as niche_ids,
           array_agg(i.how_many order by i.intent_id) as how_many,
           array_agg(i.product_id order by i.intent_id) as parents
    from shops.scaling_intents as i
    join shops.products as p on p.user_id = i.user_id and p.product_id = i.product_id
    where i.decision_id = any (p_decision_ids) and i.action = 'variations' and i.how_many > 0
  ) as w
  where w.shop_ids is not null;
end;
$$;


--
-- Name: FUNCTION _plan_variations(p_run_id bigint, p_decision_ids bigint[]); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._plan_variations(p_run_id bigint, p_decision_ids bigint[]) IS 'Plan new designs of each new winner, from its niche and its prompts, as many as the rules want and the user''s quota has left; what is refused says why (disabled, not_connected, no_settings, no_niche: it was imported and has no prompt, niche_not_active, budget_reached, monthly_limit_reached).';


--
-- Name: _price_text(bigint, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._price_text(p_minor bigint, p_currency text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select case
    when p_currency in ('JPY', 'KRW', 'VND', 'CLP', 'ISK', 'XAF', 'XOF', 'XPF', 'PYG', 'UGX', 'RWF')
      then p_minor::text
    when p_currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND')
      then (p_minor / 1000)::text || '.' || lpad((p_minor % 1000)::text, 3, '0')
    else (p_minor / 100)::text || '.' || lpad((p_minor % 100)::text, 2, '0')
  end;
$$;


--
-- Name: FUNCTION _price_text(p_minor bigint, p_currency text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._price_text(p_minor bigint, p_currency text) IS 'An amount in minor units as the decimal text that Shopify takes: 2999 EUR is 29.99, 2999 JPY is 2999 (ISO 4217).';


--
-- Name: _prompt(uuid, bigint, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._prompt(p_user_id uuid, p_product_id bigint, p_type text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select replace(t.body, '{niche}', n.name)
    from shops.products as p
    join shops.niches as n on n.user_id = p.user_id and n.niche_id = p.niche_id
    join shops.prompts as t
      on t.user_id = p.user_id
     and t.shop_id = p.shop_id
     and t.type = p_type
     and t.version = case p_type
           when 'image' then p.image_version
           when 'title' then p.title_version
           else p.description_version
         end
    where p.user_id = p_user_id and p.product_id = p_product_id
  );
end;
$$;


--
-- Name: FUNCTION _prompt(p_user_id uuid, p_product_id bigint, p_type text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._prompt(p_user_id uuid, p_product_id bigint, p_type text) IS 'The prompt of a type for a product, in the version it was planned with, its niche filled in.';


--
-- Name: _read_order_lines(uuid, bigint, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._read_order_lines(p_user_id uuid, p_import_id bigint, p_currency text) RETURNS TABLE(line_no integer, order_key text, name text, created_at timestamp with time zone, cancelled_at timestamp with time zone, financial_status text, refunded text, currency text, sku text, title text, quantity integer, unit_price text, total text, problem text)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
  with told as materialized (
    select l.line_no, l.cells, coalesce(btrim(l.cells ->> 'Name'), '') as name
    from shops.import_lines as l
    where l.user_id = p_user_id and l.import_id = p_import_id
  ),
  -- The first line of an order tells of the order, the others only what else was sold.
  heads as materialized (
    select h.name,
           coalesce('gid://shopify/Order/' || substring(btrim(h.cells ->> 'Id') from '^[0-9]+$'),
             h.name) as order_key,
           h.created_at, h.cancelled_at, h.currency,
           lower(btrim(h.cells ->> 'Financial Status')) as financial_status,
           case when shops._minor(h.cells ->> 'Refunded Amount', h.currency) > 0
             then btrim(h.cells ->> 'Refunded Amount')
           end as refunded,
           case
             when h.name = '' then 'It has no Name.'
             when h.created_at is null then format(
               'Order %s begins on line %s without a readable Created at: %s.',
               h.name, h.line_no, coalesce(h.cells ->> 'Created at', 'none')
             )
             when h.cells ? 'Cancelled at' and h.cancelled_at is null
               then format('Order %s has an unreadable Cancelled at: %s.', h.name,
               h.cells ->> 'Cancelled at')
             when h.currency !~ '^[A-Z]{3}$'
               then format('Order %s has no readable Currency: %s.', h.name, h.currency)
           end as problem
    from (
      select distinct on (t.name)
             t.name, t.line_no, t.cells,
             shops._time(t.cells ->> 'Created at') as created_at,
             shops._time(t.cells ->> 'Cancelled at') as cancelled_at,
             coalesce(upper(btrim(t.cells ->> 'Currency')), p_currency) as currency
      from told as t
      order by t.name, t.line_no
    ) as h
  ),
  read as materialized (
    select t.line_no, t.cells, h.*,
           substring(btrim(t.cells ->> 'Lineitem quantity') from '^[1-9][0-9]{0,8}$')::integer
             as quantity,
           nullif(ltrim(btrim(t.cells ->> 'Lineitem sku'), ''''), '') as sku,
           nullif(btrim(t.cells ->> 'Lineitem name'), '') as title,
           btrim(t.cells ->> 'Lineitem price') as unit_price,
           coalesce(btrim(t.cells ->> 'Lineitem discount'), '0') as discount,
           shops._minor(t.cells ->> 'Lineitem price', h.currency) as unit_price_minor,
           shops._minor(coalesce(t.cells ->> 'Lineitem discount', '0'), h.currency)
             as discount_minor
    from told as t
    join heads as h on h.name = t.name
  ),
  judged as (
    select r.*,
           case
             when r.problem is not null then r.problem
             when r.quantity is null then format(
               'The Lineitem quantity is no whole number above 0: %s.',
               coalesce(r.cells ->> 'Lineitem quantity', 'none')
             )
             when r.sku is null and r.title is null
               then 'It has neither Lineitem name nor Lineitem sku.'
             when r.unit_price_minor is null then format(
               'The Lineitem price is no amount of %s: %s.', r.currency,
               coalesce(r.unit_price, 'none')
             )
             when r.discount_minor is null
               then format('The Lineitem discount is no amount of %s: %s.', r.currency, r.discount)
             when r.discount_minor > r.quantity * r.unit_price_minor
               then 'The Lineitem discount is more than the price.'
           end as wrong
    from read as r
  )
  select j.line_no, j.order_key, j.name, j.created_at, j.cancelled_at, j.financial_status,
    j.refunded, j.currency,
         j.sku, j.title, j.quantity, j.unit_price,
         case when j.wrong is null
           then (j.quantity * j.unit_price::numeric - j.discount::numeric)::text
         end,
         j.wrong
  from judged as j;
$_$;


--
-- Name: FUNCTION _read_order_lines(p_user_id uuid, p_import_id bigint, p_currency text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._read_order_lines(p_user_id uuid, p_import_id bigint, p_currency text) IS 'The lines of an order export as facts, and what is wrong with those that are none. p_currency where the file tells none.';


--
-- Name: _revive(uuid, bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._revive(p_user_id uuid, p_product_id bigint) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_hold boolean;
begin
  select p.quota_state = 'released' into v_hold
  from shops.products as p
  where p.user_id = p_user_id and p.product_id = p_product_id and p.state = 'failed'
  for update;

  if v_hold then
    perform shops._lock_quota(array[p_user_id]);
    if not exists (
      select
      from shops.quota as q
      join accounts.entitlements as e on e.user_id = q.user_id and e.active
      where q.user_id = p_user_id and (q.quota_left is null or q.quota_left > 0)
    ) then
      return 'monthly_limit_reached';
    end if;
    update shops.quota_months as q
    set held = q.held + 1
    where q.user_id = p_user_id and q.month = shops._month();
  end if;

  update shops.products as p
  set state         = p.failed_in,
      failed_in     = null,
      failed_reason = null,
      optimization_status = case when p.optimization_status = 'failed' then 'pending'
        else p.optimization_status end,
      quota_state   = case when v_hold then 'held' else p.quota_state end,
      quota_month   = case when v_hold then shops._month() else p.quota_month end
  where p.user_id = p_user_id and p.product_id = p_product_id and p.state = 'failed';
  return null;
end;
$$;


--
-- Name: FUNCTION _revive(p_user_id uuid, p_product_id bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._revive(p_user_id uuid, p_product_id bigint) IS 'Return a failed product to the state in which it failed, holding quota for it again where its own was released; the answer is why not, or null.';


--
-- Name: _rules(uuid, uuid); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._rules(p_user_id uuid, p_shop_id uuid) RETURNS TABLE(user_id uuid, shop_id uuid, plan text, winner_scaling boolean, version integer, winner_rule text, winner_units integer, bucket_units_3 integer, bucket_units_7 integer, bucket_units_10 integer, bucket_units_14 integer, min_buckets integer, target_weekly_units double precision, break_even_weekly_units double precision, prior_shape integer, prior_weekly_units double precision, posterior_days integer, winner_certainty numeric, keep_certainty numeric, loser_certainty numeric)
    LANGUAGE plpgsql STABLE ROWS 1 PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
  select r.user_id, r.shop_id, e.plan, e.winner_scaling, r.version, r.winner_rule, r.winner_units,
         r.bucket_units_3, r.bucket_units_7, r.bucket_units_10, r.bucket_units_14, r.min_buckets,
         r.target_weekly_units::double precision, r.break_even_weekly_units::double precision,
         r.prior_shape, r.prior_weekly_units::double precision, r.posterior_days,
         r.winner_certainty, r.keep_certainty, r.loser_certainty
  from shops.present_rules as r
  join accounts.entitlements as e on e.user_id = r.user_id
  where r.user_id = p_user_id and r.shop_id = p_shop_id;
end;
$$;


--
-- Name: FUNCTION _rules(p_user_id uuid, p_shop_id uuid); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._rules(p_user_id uuid, p_shop_id uuid) IS 'The rules by which a shop''s products are judged, and what its owner''s plan allows. A function for the same reason as shops._day.';


--
-- Name: _scale(bigint, uuid[]); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._scale(p_run_id bigint, p_shop_ids uuid[]) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_all     bigint[];
  v_won     bigint[];
  v_winning bigint[];
  v_ended   bigint[];
begin
  select coalesce(array_agg(d.decision_id), '{}'),
         array_agg(d.decision_id) filter (where d.verdict = 'winner'),
         array_agg(d.decision_id) filter (where d.verdict in ('winner', 'kept')),
         array_agg(d.decision_id) filter (where d.verdict = 'ended')
  into v_all, v_won, v_winning, v_ended
  from shops.decide_winners(p_shop_ids) as d;

  perform shops._plan_variations(p_run_id, v_won);
  perform shops._plan_raises(v_winning);
  perform shops._plan_expansion(v_won);
  perform shops._plan_pauses(v_ended);

  update shops.shop_runs as r
  set status      = case when n.taken > 0 then 'succeeded' else 'skipped' end,
      items       = n.taken,
      skip_reason = case
        when n.taken > 0 then null
        when n.of_today > 0 then 'already_decided'
        else 'no_winners'
      end
  from shops.sales_days as t
  cross join lateral (
    select count(*) filter (where d.decision_id = any (v_all)) as taken, count(*) as of_today
    from shops.decisions as d
    where d.user_id = t.user_id and d.shop_id = t.shop_id and d.decided_on = t.today
  ) as n
  where t.shop_id = any (p_shop_ids)
    and r.user_id = t.user_id and r.shop_id = t.shop_id
    and r.run_id = p_run_id and r.job = 'winner_scaling';
  return cardinality(v_all);
end;
$$;


--
-- Name: FUNCTION _scale(p_run_id bigint, p_shop_ids uuid[]); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._scale(p_run_id bigint, p_shop_ids uuid[]) IS 'Decide on the winners of these shops and do what follows: variations, budgets, platforms, pauses; the run of each shop says how it went. Returns the number of decisions.';


--
-- Name: _settle_ai_call(bigint, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._settle_ai_call(p_job_id bigint, p_result jsonb) RETURNS void
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select shops._end_ai_call(
    p_job_id,
    case
      when p_result ->> 'state' = 'done' then 'paid'
      when p_result ->> 'state' = 'failed'
        and coalesce(p_result ->> 'code', '') not in ('timeout', 'lost') then 'not_charged'
      else 'unknown'
    end,
    p_result #> '{answer,usage}',
    p_result #>> '{answer,request_id}'
  );
$$;


--
-- Name: FUNCTION _settle_ai_call(p_job_id bigint, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._settle_ai_call(p_job_id bigint, p_result jsonb) IS 'End the open call of a job by its result: an answer is paid for, whatever it is worth; a refusal of the service is not; what was cut off may have been.';


--
-- Name: _settle_text(text, text, bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._settle_text(p_kind text, p_step text, p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_call    record;
  v_problem text;
  v_output  jsonb := p_result #> '{answer,output}';
begin
  select c.user_id, c.product_id, c.model into v_call
  from shops.ai_calls as c
  where c.job_id = p_job_id and c.state = 'open';
  perform shops._settle_ai_call(p_job_id, p_result);

  if p_result ->> 'state' <> 'done' then
    perform shops._fail_step(p_kind, p_payload, p_result);
    return null;
  end if;

  v_problem := shops._text_problem(p_result -> 'answer',
    shops._told(v_call.user_id, v_call.product_id));
  if v_problem is not null then
    return jsonb_build_object('later', null, 'reason', v_problem);
  end if;

  update shops.products as p
  set state       = case p_step when 'written' then 'written' else p.state end,
      title       = btrim(v_output ->> 'title'),
      description = btrim(v_output ->> 'description'),
      tags        = shops._tags(
        v_output -> 'tags', array[n.slug] || case p_step when 'written' then array['POD_NEW']
          else '{}' end
      )
  from shops.steps as t, shops.niches as n
  where p.user_id = v_call.user_id
    and p.product_id = v_call.product_id
    and t.kind = p_kind
    and p.state = t.state
    and n.user_id = p.user_id
    and n.niche_id = p.niche_id;
  if not found then
    return null;
  end if;

  insert into shops.texts (user_id, product_id, step, title, description, tags, model)
  select p.user_id, p.product_id, p_step, p.title, p.description, p.tags, v_call.model
  from shops.products as p
  where p.user_id = v_call.user_id and p.product_id = v_call.product_id;

  perform shops._enqueue_step(
    case p_step when 'written' then 'shops.upload_design' else 'shops.update_product' end,
    v_call.user_id, v_call.product_id
  );
  return null;
end;
$$;


--
-- Name: FUNCTION _settle_text(p_kind text, p_step text, p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._settle_text(p_kind text, p_step text, p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles both text steps: records the cost, keeps a text that has no problem and goes on; one that has is tried again, and in the end the step gives up with that reason.';


--
-- Name: _skipped(text[]); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._skipped(p_reasons text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select string_agg(format('%s: %s', r.reason, r.shops), ', ' order by r.shops desc, r.reason)
  from (
    select u.reason, count(*) as shops from unnest(p_reasons) as u (reason) group by u.reason
  ) as r;
$$;


--
-- Name: FUNCTION _skipped(p_reasons text[]); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._skipped(p_reasons text[]) IS 'Skip reasons with the number of shops each: "disabled: 3, no_niches: 1"; null where none was skipped.';


--
-- Name: _slug(text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._slug(p_name text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(
    nullif(
      trim('-' from regexp_replace(
        translate(
          replace(replace(replace(replace(lower(p_name), 'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'ß',
            'ss'),
          'àáâãåçèéêëìíîïñòóôõøùúûýÿ', 'aaaaaceeeeiiiinooooouuuyy'
        ),
        '[^a-z0-9]+', '-', 'g'
      )),
      ''
    ),
    -- A name without a Latin letter still needs a handle.
    'n' || substr(encode(sha256(convert_to(p_name, 'UTF8')), 'hex'), 1, 8)
  );
$$;


--
-- Name: FUNCTION _slug(p_name text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._slug(p_name text) IS 'A name as it may stand in a link: "Käse & Brot" is kaese-brot.';


--
-- Name: _start_passes(bigint, uuid[], boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._start_passes(p_run_id bigint, p_shop_ids uuid[], p_then_scale boolean DEFAULT false) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_payloads jsonb[];
  v_keys     text[];
  v_tenants  uuid[];
begin
  with started as (
    insert into shops.order_passes (user_id, shop_id, run_id, then_scale, updated_since)
    select s.user_id, s.shop_id, p_run_id, p_then_scale,
           -- A bit of the last pass again, for clocks differ. At first 60 days: what the scope
           -- read_orders shows without read_all_orders.
           coalesce(t.read_up_to - interval '5 minutes', jobs.clock() - interval '60 days')
    from shops.shops as s
    left join shops.trackings as t on t.user_id = s.user_id and t.shop_id = s.shop_id
    where s.shop_id = any (p_shop_ids)
    order by s.user_id, s.shop_id
    on conflict do nothing
    returning user_id, shop_id, pass_id
  )
  select array_agg(jsonb_build_object('pass_id', p.pass_id) order by p.pass_id),
         array_agg(c.connection_id::text order by p.pass_id),
         array_agg(p.user_id order by p.pass_id)
  into v_payloads, v_keys, v_tenants
  from started as p
  join shops.shop_connections as c
    on c.user_id = p.user_id and c.shop_id = p.shop_id and c.service = 'shopify';

  if v_payloads is null then
    return 0;
  end if;
  perform jobs.enqueue_many('shops.read_orders', v_payloads, v_keys, v_tenants);
  return cardinality(v_payloads);
end;
$$;


--
-- Name: FUNCTION _start_passes(p_run_id bigint, p_shop_ids uuid[], p_then_scale boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._start_passes(p_run_id bigint, p_shop_ids uuid[], p_then_scale boolean) IS 'Begin to read the orders of shops that have a Shopify connection; a shop that is being read already goes on as it is. p_then_scale decides winners when a pass is complete. Returns how many passes began.';


--
-- Name: _store_orders(uuid, uuid, text, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._store_orders(p_user_id uuid, p_shop_id uuid, p_source text, p_orders jsonb) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_changed bigint[];
begin
  -- Whoever stores orders of this shop takes turns: a file and a pass may come together.
  insert into shops.trackings (user_id, shop_id) values (p_user_id, p_shop_id)
    on conflict do nothing;
  perform from shops.trackings as t
  where t.user_id = p_user_id and t.shop_id = p_shop_id
  for no key update;

  with told as materialized (
    select t.* from shops._told_orders(p_orders) as t
  ),
  known as materialized (
    select o.order_key, o.source, o.version, o.digest
    from shops.orders as o
    join told as t on t.order_key = o.order_key
    where o.user_id = p_user_id and o.shop_id = p_shop_id
  ),
  kept as (
    insert into shops.orders as o (
      user_id, shop_id, order_key, name, source, version, digest, financial_status, currency, test,
      cancelled_at, created_at
    )
    select p_user_id, p_shop_id, t.order_key, t.name, p_source, t.version, t.digest,
      t.financial_status,
           t.currency, t.test, t.cancelled_at, t.created_at
    from told as t
    left join known as k on k.order_key = t.order_key
    where k.order_key is null
       or (k.source = 'file' and p_source = 'shop')
       or (k.source = p_source and t.version > k.version)
       or (k.source = p_source and t.version = k.version and t.digest <> k.digest)
    on conflict (user_id, shop_id, order_key) do update
    set name             = excluded.name,
        source           = excluded.source,
        version          = excluded.version,
        digest           = excluded.digest,
        financial_status = excluded.financial_status,
        currency         = excluded.currency,
        test             = excluded.test,
        cancelled_at     = excluded.cancelled_at,
        created_at       = excluded.created_at
    returning o.order_id, o.order_key, o.digest
  )
  select array_agg(o.order_id)
  into v_changed
  from kept as o
  left join known as k on k.order_key = o.order_key
  where k.digest is distinct from o.digest;

  if v_changed is null then
    return 0;
  end if;

  delete from shops.refunds as r
  where r.user_id = p_user_id and r.shop_id = p_shop_id and r.order_id = any (v_changed);
  delete from shops.order_lines as l
  where l.user_id = p_user_id and l.shop_id = p_shop_id and l.order_id = any (v_changed);

  insert into shops.order_lines (
    user_id, shop_id, order_id, line_no, product_id, quantity, current_quantity, total, unit_price,
    created_at, cancelled_at, test, currency, line_gid, product_gid, sku, title
  )
  select p_user_id, p_shop_id, o.order_id, l.line_no, m.product_id,
         (l.line ->> 'quantity')::integer, (l.line ->> 'current_quantity')::integer,
         shops._minor(l.line ->> 'total', l.line ->> 'currency'),
         shops._minor(l.line ->> 'unit_price', l.line ->> 'currency'),
         o.created_at, o.cancelled_at, o.test, l.line ->> 'currency',
         l.line ->> 'line_gid', l.line ->> 'product_gid', s.sku, s.title
  from shops._told_orders(p_orders) as t
  join shops.orders as o
    on o.user_id = p_user_id and o.shop_id = p_shop_id and o.order_key = t.order_key
   and o.order_id = any (v_changed)
  cross join lateral jsonb_array_elements(t.lines) with ordinality as l (line, line_no)
  cross join lateral (
    select nullif(btrim(l.line ->> 'sku'), ''), nullif(btrim(l.line ->> 'title'), '')
  ) as s (sku, title)
  cross join lateral shops._match(p_user_id, p_shop_id, l.line ->> 'product_gid', s.sku, s.title)
    as m;

  insert into shops.refunds (
    user_id, shop_id, order_id, refund_no, line_no, units, amount, currency, told_at
  )
  select p_user_id, p_shop_id, o.order_id,
         row_number() over (partition by o.order_id order by b.line_no nulls first),
         b.line_no, b.units, b.amount, o.currency, o.version
  from shops._told_orders(p_orders) as t
  join shops.orders as o
    on o.user_id = p_user_id and o.shop_id = p_shop_id and o.order_key = t.order_key
   and o.order_id = any (v_changed)
  cross join lateral (
    select null::integer as line_no, 0 as units, t.refunded as amount
    where t.refunded > 0
    union all
    select l.line_no, u.gone, null
    from jsonb_array_elements(t.lines) with ordinality as l (line, line_no)
    cross join lateral (
      select (l.line ->> 'quantity')::integer - (l.line ->> 'current_quantity')::integer
    ) as u (gone)
    where u.gone > 0
  ) as b;

  return cardinality(v_changed);
end;
$$;


--
-- Name: FUNCTION _store_orders(p_user_id uuid, p_shop_id uuid, p_source text, p_orders jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._store_orders(p_user_id uuid, p_shop_id uuid, p_source text, p_orders jsonb) IS 'Keep orders in the newest version told, each line once; the same again, or older, changes nothing. What the shop says replaces what a file said, never the other way. Returns how many orders are new or different. The orders were checked by shops._orders_problem.';


--
-- Name: _tags(jsonb, text[]); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._tags(p_tags jsonb, p_own text[]) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select array(
      select t.tag
      from (
        select o.tag, 0 as place from unnest(p_own) as o (tag)
        union all
        select left(btrim(replace(g.tag, ',', ' ')), 40), g.place
        from jsonb_array_elements_text(case jsonb_typeof(p_tags) when 'array' then p_tags
          else '[]' end)
          with ordinality as g (tag, place)
        where g.place <= 10
      ) as t
      where t.tag <> ''
      group by t.tag
      order by min(t.place), t.tag
    )
  );
end;
$$;


--
-- Name: FUNCTION _tags(p_tags jsonb, p_own text[]); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._tags(p_tags jsonb, p_own text[]) IS 'A product''s tags: our own first, then at most ten of the model''s, without commas, which part tags in Shopify.';


--
-- Name: _take_step(text, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._take_step(p_kind text, p_payload jsonb) RETURNS TABLE(user_id uuid, shop_id uuid, product_id bigint, connection_id uuid, halt jsonb)
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_product  record;
  v_obstacle text;
begin
  select p.user_id, p.shop_id, p.product_id, p.state, p.state_since, p.failed_in, p.quota_state,
         t.state as needed, t.service, s.time_limit
  into v_product
  from shops.products as p
  join shops.steps as t on t.kind = p_kind
  join shops.product_states as s on s.state = t.state
  where p.product_id = (p_payload ->> 'product_id')::bigint
  for no key update of p;

  user_id    := v_product.user_id;
  shop_id    := v_product.shop_id;
  product_id := v_product.product_id;

  if product_id is null then
    halt := jsonb_build_object('skip', 'The product is gone.');
    return next;
    return;
  end if;

  if v_product.state = 'failed' and v_product.failed_in = v_product.needed then
    v_obstacle := shops._revive(user_id, product_id);
    if v_obstacle is not null then
      halt := jsonb_build_object('skip', v_obstacle);
      return next;
      return;
    end if;
    v_product.state_since := jobs.clock();
  elsif v_product.state <> v_product.needed then
    halt := jsonb_build_object('skip', format('The product is %s.', v_product.state));
    return next;
    return;
  end if;

  select a.connection_id into connection_id
  from shops.shop_connections as c
  join accounts.connections_status as a on a.user_id = c.user_id
    and a.connection_id = c.connection_id
  where c.user_id = v_product.user_id
    and c.shop_id = v_product.shop_id
    and c.service = v_product.service
    and a.state = 'connected';

  v_obstacle := case
    when not exists (select from shops.shops as s where s.shop_id = v_product.shop_id and s.enabled)
      then 'disabled'
    when connection_id is null then 'not_connected'
  end;
  if v_obstacle is not null then
    -- A person may yet enable or connect the shop; a product does not wait for ever.
    halt := case
      when jobs.clock() < v_product.state_since + v_product.time_limit
        then jsonb_build_object('later', 600, 'reason', v_obstacle)
      else jsonb_build_object('give_up', v_obstacle)
    end;
  end if;
  return next;
end;
$$;


--
-- Name: FUNCTION _take_step(p_kind text, p_payload jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._take_step(p_kind text, p_payload jsonb) IS 'The beginning of each step''s prepare function: the product, locked, and the connection to use; halt is what to answer at once where the step cannot or need not be taken. A product that failed in this step is revived first.';


--
-- Name: _text_problem(jsonb, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._text_problem(p_answer jsonb, p_told text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select case
      when p_answer ->> 'refusal' is not null then 'The model refused: ' || (p_answer ->> 'refusal')
      when p_answer ->> 'invalid' is not null
        then 'The answer is not in its form: ' || (p_answer ->> 'invalid')
      when jsonb_typeof(a.answer) is distinct from 'object' then 'There is no answer.'
      when jsonb_typeof(a.answer -> 'title') is distinct from 'string' or a.title = ''
        then 'The title is empty.'
      when length(a.title) > 70
        then format('The title has %s characters; 70 are allowed.', length(a.title))
      when jsonb_typeof(a.answer -> 'description') is distinct from 'string' or a.description = ''
        then 'The description is empty.'
      when a.words > 200 then format('The description has %s words; 200 are allowed.', a.words)
      when a.invented is not null
        then format('The text states "%s", which nobody told.', a.invented)
    end
    from (
      select b.answer, b.title, b.description,
             (select count(*) from regexp_split_to_table(b.description, '\s+')) as words,
             (
               select min(f.fact[1])
               from regexp_matches(
                 lower(b.title || ' ' || b.description),
                 '\m(\d+(?:[.,]\d+)?\s*(?:cm|mm|inch(?:es)?|kg|oz|ml)|\d+\s*% '
                 '[a-zäöü]+|cotton|baumwolle|polyester|leather|leder|ceramic|keramik|porcelain|'
                 'porzellan)\M',
                 'g'
               ) as f (fact)
               where position(f.fact[1] in lower(p_told)) = 0
             ) as invented
      from (
        select p_answer -> 'output',
               btrim(p_answer #>> '{output,title}'),
               btrim(p_answer #>> '{output,description}')
      ) as b (answer, title, description)
    ) as a
  );
end;
$$;


--
-- Name: FUNCTION _text_problem(p_answer jsonb, p_told text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._text_problem(p_answer jsonb, p_told text) IS 'What is wrong with a model''s text, in one sentence, or null: a refusal, another form, an empty or overlong title (70 characters) or description (200 words), or a size or material that is not in p_told, what the model was told.';


--
-- Name: _text_request(text, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._text_request(p_language text, p_input text) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select jsonb_build_object(
    'instructions', format(
      'You write the texts of an online shop that sells printed designs. Language (ISO 639-1): %s. '
      'The title has at most 70 characters. The description has at most 200 words of plain text. '
      'Give 3 to 10 short tags. State no size, material, price or delivery that you were not told.',
      p_language
    ),
    'input', p_input,
    'schema_name', 'product_text',
    'schema', jsonb_build_object(
      'type', 'object',
      'properties', jsonb_build_object(
        'title', jsonb_build_object('type', 'string'),
        'description', jsonb_build_object('type', 'string'),
        'tags', jsonb_build_object('type', 'array', 'items', jsonb_build_object('type', 'string'))
      ),
      'required', jsonb_build_array('title', 'description', 'tags'),
      'additionalProperties', false
    )
  );
$$;


--
-- Name: FUNCTION _text_request(p_language text, p_input text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._text_request(p_language text, p_input text) IS 'What a text model is asked: the shop''s rules, the input, and the schema that its answer has.';


--
-- Name: _time(text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._time(p_text text) RETURNS timestamp with time zone
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_part text[] := regexp_match(
    p_text,
    '^\s*((?:19|20)\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])'
    '[ T]([01]\d|2[0-3]):([0-5]\d):([0-5]\d(?:[.]\d{1,6})?)'
    ' ?(?:Z|UTC|([+-])([01]\d):?([0-5]\d))\s*$'
  );
  v_days integer;
begin
  v_days := extract(
    day from make_date(v_part[1]::integer, v_part[2]::integer, 1) + interval '1 month - 1 day'
  );
  if v_part is null or v_part[3]::integer > v_days then
    return null;
  end if;
  return make_timestamptz(
           v_part[1]::integer, v_part[2]::integer, v_part[3]::integer,
           v_part[4]::integer, v_part[5]::integer, v_part[6]::double precision, 'UTC'
         )
         - coalesce(v_part[7] || '1', '1')::integer
           * make_interval(hours => coalesce(v_part[8]::integer, 0),
           mins => coalesce(v_part[9]::integer, 0));
end;
$_$;


--
-- Name: FUNCTION _time(p_text text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._time(p_text text) IS 'A moment as shops write it: "2010-12-01 08:26:00 +0000" or "2026-11-20T06:00:00Z". Null where it is no moment, or names no time zone.';


--
-- Name: _time_text(timestamp with time zone); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._time_text(p_time timestamp with time zone) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
  select to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
$$;


--
-- Name: FUNCTION _time_text(p_time timestamp with time zone); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._time_text(p_time timestamp with time zone) IS 'A moment as shops._time reads it: 2026-11-20T06:00:00.000000Z.';


--
-- Name: _title_heads(text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._title_heads(p_title text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select array_agg(array_to_string(t.parts[1:n.length], ' - '))
  from string_to_array(p_title, ' - ') as t (parts)
  cross join generate_series(1, cardinality(t.parts) - 1) as n (length);
$$;


--
-- Name: FUNCTION _title_heads(p_title text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._title_heads(p_title text) IS 'What may be the product''s part of a line''s title: "Cup - Big - Red" may be "Cup" or "Cup - Big".';


--
-- Name: _told(uuid, bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._told(p_user_id uuid, p_product_id bigint) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select coalesce(
      format(E'Improve this text so that people find and want the design.\nNiche: %s\n'
              'Title: %s\nDescription: %s\nTags: %s',
             n.name, t.title, t.description, array_to_string(t.tags, ', ')),
      format(E'Niche: %s\nTitle: %s\nDescription: %s\nDesign: %s', n.name,
             shops._prompt(p.user_id, p.product_id, 'title'),
             shops._prompt(p.user_id, p.product_id, 'description'),
             shops._prompt(p.user_id, p.product_id, 'image'))
    )
    from shops.products as p
    join shops.niches as n on n.user_id = p.user_id and n.niche_id = p.niche_id
    left join shops.texts as t
      on t.user_id = p.user_id and t.product_id = p.product_id and t.step = 'written'
    where p.user_id = p_user_id and p.product_id = p_product_id
  );
end;
$$;


--
-- Name: FUNCTION _told(p_user_id uuid, p_product_id bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._told(p_user_id uuid, p_product_id bigint) IS 'What a text model is told about a product: its prompts, and once it has a text, that text.';


--
-- Name: _told_orders(jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops._told_orders(p_orders jsonb) RETURNS TABLE(order_key text, name text, version timestamp with time zone, digest bytea, financial_status text, currency text, test boolean, cancelled_at timestamp with time zone, created_at timestamp with time zone, refunded bigint, lines jsonb)
    LANGUAGE sql IMMUTABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select distinct on (o.told ->> 'order_gid')
         o.told ->> 'order_gid',
         coalesce(o.told ->> 'name', o.told ->> 'order_gid'),
         shops._time(o.told ->> 'updated_at'),
         sha256(convert_to((o.told - 'updated_at')::text, 'UTF8')),
         lower(o.told ->> 'financial_status'),
         coalesce(o.told ->> 'currency', o.told -> 'lines' -> 0 ->> 'currency'),
         (o.told ->> 'test')::boolean,
         shops._time(o.told ->> 'cancelled_at'),
         shops._time(o.told ->> 'created_at'),
         shops._minor(o.told ->> 'refunded', o.told ->> 'currency'),
         o.told -> 'lines'
  from jsonb_array_elements(p_orders) with ordinality as o (told, place)
  -- An order that changed while the pages were read may stand on two of them.
  order by o.told ->> 'order_gid', shops._time(o.told ->> 'updated_at') desc, o.place desc;
$$;


--
-- Name: FUNCTION _told_orders(p_orders jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops._told_orders(p_orders jsonb) IS 'The orders of a page, each once in its newest version. refunded is an amount of the whole order in minor units, told by files only.';


--
-- Name: add_import_lines(bigint, integer[], jsonb[]); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.add_import_lines(p_import_id bigint, p_line_nos integer[], p_cells jsonb[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid;
  v_state   text;
begin
  select i.user_id, i.state into v_user_id, v_state
  from shops.imports as i
  where i.import_id = p_import_id
  for key share;
  if not found then
    raise exception using
      errcode = 'SH023',
      message = 'No such import.',
      detail  = format('import_id=%s', p_import_id);
  elsif v_state <> 'open' then
    raise exception using
      errcode = 'SH024',
      message = 'The import is over.',
      detail  = format('import_id=%s', p_import_id),
      hint    = 'Begin another one: shops.begin_import.';
  end if;

  insert into shops.import_lines (user_id, import_id, line_no, cells)
  select v_user_id, p_import_id, l.line_no, l.cells
  from unnest(p_line_nos, p_cells) as l (line_no, cells)
  on conflict do nothing;
end;
$$;


--
-- Name: FUNCTION add_import_lines(p_import_id bigint, p_line_nos integer[], p_cells jsonb[]); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.add_import_lines(p_import_id bigint, p_line_nos integer[], p_cells jsonb[]) IS 'Add lines of a file to an import: p_cells[i] is line p_line_nos[i], an object of the cells that are not empty by their column''s header; cells beyond the header go under "". The same line again changes nothing. Some thousand lines a call are well. SH023: no such import. SH024: it was applied already.';


--
-- Name: add_niche(uuid, text, integer, integer); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.add_niche(p_shop_id uuid, p_name text, p_priority integer DEFAULT 0, p_daily_limit integer DEFAULT NULL::integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id  uuid := shops._owner(p_shop_id);
  v_slug     text := shops._slug(p_name);
  v_limit    integer;
  v_niches   integer;
  v_niche_id bigint;
begin
  -- Two that are added at once are counted one after the other.
  perform from shops.shops as s where s.user_id = v_user_id order by s.shop_id for no key update;

  select e.niches into v_limit
  from accounts.entitlements as e
  where e.user_id = v_user_id and e.active;
  select count(*) into v_niches
  from shops.niches as n
  where n.user_id = v_user_id and n.active and (n.shop_id, n.slug) <> (p_shop_id, v_slug);
  if v_niches >= v_limit then
    raise exception using
      errcode = 'SH006',
      message = 'The plan allows no more niches.',
      detail  = format('user_id=%s active=%s allowed=%s', v_user_id, v_niches, v_limit),
      hint    = 'Remove a niche with shops.remove_niche, or choose a larger plan.';
  end if;

  insert into shops.niches as n (user_id, shop_id, name, slug, priority, daily_limit)
  values (v_user_id, p_shop_id, btrim(p_name), v_slug, p_priority, p_daily_limit)
  on conflict on constraint niches_are_once_per_shop do update
    set name        = excluded.name,
        priority    = excluded.priority,
        daily_limit = excluded.daily_limit,
        active      = true
  returning n.niche_id into v_niche_id;
  return v_niche_id;
end;
$$;


--
-- Name: FUNCTION add_niche(p_shop_id uuid, p_name text, p_priority integer, p_daily_limit integer); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.add_niche(p_shop_id uuid, p_name text, p_priority integer, p_daily_limit integer) IS 'Add a niche to a shop and return its niche_id; a name that is there already is changed and active again. Higher priorities come first; p_daily_limit null sets no limit of its own. SH001: no such shop. SH006: the plan allows no more niches.';


--
-- Name: apply_creation(bigint, uuid); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.apply_creation(p_run_id bigint DEFAULT NULL::bigint, p_shop_id uuid DEFAULT NULL::uuid) RETURNS TABLE(user_id uuid, shop_id uuid, shop text, niche_id bigint, niche text, how_many integer, why text, quota_left bigint, products bigint[])
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_shop_runs bigint[];
begin
  perform shops._lock_quota(array(
    select s.user_id
    from shops.shops as s
    where s.program = 'pod_autom' and (p_shop_id is null or s.shop_id = p_shop_id)
  ));

  with plan as materialized (
    select p.* from shops.plan_creation(p_shop_id => p_shop_id) as p
  ),
  runs as (
    insert into shops.shop_runs (user_id, shop_id, job, run_id, status, items, skip_reason)
    select p.user_id, p.shop_id, 'product_creation', p_run_id,
           case when sum(p.how_many) > 0 then 'succeeded' else 'skipped' end,
           sum(p.how_many),
           min(p.why) filter (where p.how_many = 0)
    from plan as p
    group by p.user_id, p.shop_id
    order by p.user_id, p.shop_id
    returning user_id, shop_id, shop_run_id
  ),
  kept as (
    insert into shops.creation_plans (user_id, shop_run_id, niche_id, how_many, why, quota_left)
    select p.user_id, r.shop_run_id, p.niche_id, p.how_many, p.why, p.quota_left
    from plan as p
    join runs as r on r.user_id = p.user_id and r.shop_id = p.shop_id
  )
  select array_agg(r.shop_run_id) into v_shop_runs from runs as r;

  return query
  with plan as materialized (
    select r.user_id, r.shop_id, s.name as shop, k.niche_id, n.name as niche, k.how_many, k.why,
      k.quota_left
    from shops.creation_plans as k
    join shops.shop_runs as r on r.user_id = k.user_id and r.shop_run_id = k.shop_run_id
    join shops.shops as s on s.user_id = r.user_id and s.shop_id = r.shop_id
    left join shops.niches as n on n.user_id = k.user_id and n.niche_id = k.niche_id
    where k.shop_run_id = any (v_shop_runs)
  ),
  made as (
    select m.niche_id, array_agg(m.product_id order by m.product_id) as products
    from (
      select array_agg(p.shop_id) as shop_ids, array_agg(p.niche_id) as niche_ids,
        array_agg(p.how_many) as how_many
      from plan as p
      where p.how_many > 0
    ) as w
    cross join lateral shops._plan_products(p_run_id, w.shop_ids, w.niche_ids, w.how_many) as m
    group by m.niche_id
  )
  select p.*, coalesce(m.products, '{}')
  from plan as p
  left join made as m on m.niche_id = p.niche_id
  order by p.user_id, p.shop_id, p.niche_id;
end;
$$;


--
-- Name: FUNCTION apply_creation(p_run_id bigint, p_shop_id uuid); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.apply_creation(p_run_id bigint, p_shop_id uuid) IS 'Do exactly what shops.plan_creation says, for all shops or one: hold quota, plan the products, start their first step, and keep the plan with its reasons in shops.shop_runs and shops.creation_plans. Planners of the same user wait for each other, so the quota is never overshot. Returns the plan with the products planned.';


--
-- Name: apply_import(bigint, date); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.apply_import(p_import_id bigint, p_last_day date DEFAULT NULL::date) RETURNS TABLE(products integer, orders integer, lines integer, rejected integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_import record;
begin
  select i.user_id, i.shop_id, i.what, i.state into v_import
  from shops.imports as i
  where i.import_id = p_import_id
  for update;
  if not found then
    raise exception using
      errcode = 'SH023',
      message = 'No such import.',
      detail  = format('import_id=%s', p_import_id);
  end if;

  if v_import.state = 'open' then
    -- They came just now, and the planner does not know how many they are.
    analyze shops.import_lines;
    insert into shops.import_rejects (user_id, import_id, line_no, reason, cells)
    select l.user_id, l.import_id, l.line_no,
           case when l.cells ? '' then 'It has more cells than the header.'
             else 'It is not in UTF-8.' end,
           l.cells
    from shops.import_lines as l
    where l.user_id = v_import.user_id and l.import_id = p_import_id
      and (l.cells ? '' or position(U&'\FFFD' in l.cells::text) > 0);

    if v_import.what = 'products' then
      perform shops._apply_products(v_import.user_id, v_import.shop_id, p_import_id);
    else
      perform shops._apply_orders(v_import.user_id, v_import.shop_id, p_import_id, p_last_day);
    end if;

    delete from shops.import_lines as l
    where l.user_id = v_import.user_id and l.import_id = p_import_id;
    update shops.imports as i
    set state      = 'applied',
        applied_at = jobs.clock(),
        rejected   = (
          select count(*)
          from shops.import_rejects as r
          where r.user_id = i.user_id and r.import_id = i.import_id
        )
    where i.user_id = v_import.user_id and i.import_id = p_import_id;
  end if;

  return query
  select i.products, i.orders, i.lines, i.rejected
  from shops.imports as i
  where i.user_id = v_import.user_id and i.import_id = p_import_id;
end;
$$;


--
-- Name: FUNCTION apply_import(p_import_id bigint, p_last_day date); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.apply_import(p_import_id bigint, p_last_day date) IS 'Take over the lines of an import. Lines that cannot be read are kept in shops.import_rejects with the reason, all others count. p_last_day shifts orders by whole days, so that the last one is of that day. Returns what was read: products and their variants as lines, or orders and their lines. The same file again changes nothing but what differs; applying twice changes nothing. SH023: no such import.';


--
-- Name: attach(uuid, uuid); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.attach(p_shop_id uuid, p_connection_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid := shops._owner(p_shop_id);
  v_service text;
begin
  select c.service into v_service
  from accounts.connections_status as c
  where c.connection_id = p_connection_id and c.user_id = v_user_id;
  if v_service is null then
    raise exception using
      errcode = 'SH005',
      message = 'The shop''s owner has no such connection.',
      detail  = format('shop_id=%s connection_id=%s', p_shop_id, p_connection_id),
      hint    = 'select connection_id, service, account from accounts.connections_status;';
  end if;

  insert into shops.shop_connections (user_id, shop_id, service, connection_id)
  values (v_user_id, p_shop_id, v_service, p_connection_id)
  on conflict (user_id, shop_id, service) do update set connection_id = excluded.connection_id;

  if v_service in ('pinterest', 'shopify') then
    perform shops.look(p_shop_id);
  end if;
end;
$$;


--
-- Name: FUNCTION attach(p_shop_id uuid, p_connection_id uuid); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.attach(p_shop_id uuid, p_connection_id uuid) IS 'Make a shop use a connection for its service, in place of the one before, and have a look at what it shows (boards, collections). SH001: no such shop. SH005: not a connection of the shop''s owner.';


--
-- Name: attach_own(uuid); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.attach_own(p_shop_id uuid) RETURNS TABLE(service text, account text, attached boolean, why text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_user_id uuid := shops._owner(p_shop_id);
  v_domain  text := (select s.domain from shops.shops as s where s.shop_id = p_shop_id);
begin
  return query
  with wanted as (
    select w.service, w.place
    from unnest(array['shopify', 'openai', 'pinterest']) with ordinality as w (service, place)
  ),
  choice as materialized (
    select w.service, w.place, c.connection_id, c.account,
           count(c.connection_id) over (partition by w.service) as candidates,
           c.account = v_domain as is_the_shop
    from wanted as w
    left join accounts.connections_status as c
      on c.user_id = v_user_id and c.service = w.service and c.state <> 'revoked'
      -- What another shop sells through is that shop.
      and not exists (
        select
        from shops.shop_connections as k
        where k.user_id = v_user_id and k.connection_id = c.connection_id
          and k.service = 'shopify' and k.shop_id <> p_shop_id
      )
  ),
  chosen as materialized (
    select distinct on (h.place) h.service, h.place, h.connection_id, h.account, h.candidates,
           coalesce(h.is_the_shop or h.candidates = 1, false) as sure
    from choice as h
    order by h.place, h.is_the_shop desc nulls last, h.account
  ),
  done as materialized (
    select h.service, shops.attach(p_shop_id, h.connection_id)
    from chosen as h
    where h.sure
  )
  select h.service,
         case when h.sure then h.account end,
         d.service is not null,
         case
           when h.candidates = 0
             then format('The owner has no free connection: autom connect %s.', h.service)
           when not h.sure then 'There are several: name one, autom shop attach.'
         end
  from chosen as h
  left join done as d on d.service = h.service
  order by h.place;
end;
$$;


--
-- Name: FUNCTION attach_own(p_shop_id uuid); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.attach_own(p_shop_id uuid) IS 'Make a shop use its owner''s connections where there is no choice: the only one of a service; a Shopify one that no other shop uses, and of several that of the shop''s own domain. Returns each service, whether it is attached, and if not, why. SH001: no such shop.';


--
-- Name: begin_import(uuid, text, text, text[]); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.begin_import(p_shop_id uuid, p_what text, p_file text, p_columns text[] DEFAULT NULL::text[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id   uuid := shops._owner(p_shop_id);
  v_import_id bigint;
  v_missing   text;
begin
  if p_what not in ('products', 'orders') then
    raise exception using
      errcode = 'SH023',
      message = 'No such import.',
      detail  = format('what=%s', p_what),
      hint    = 'Give products or orders.';
  end if;

  select string_agg(n.name, ', ') into v_missing
  from unnest(
    case p_what
      when 'products' then array['Handle', 'Title']
      else array['Name', 'Created at', 'Lineitem quantity', 'Lineitem name', 'Lineitem price']
    end
  ) as n (name)
  where p_columns is not null and n.name <> all (p_columns);
  if v_missing is not null then
    raise exception using
      errcode = 'SH025',
      message = 'The file is no export of that kind.',
      detail  = format('file=%s what=%s: no column %s', p_file, p_what, v_missing),
      hint    = format('Export %s as CSV from the shop''s admin.', p_what);
  end if;

  insert into shops.imports (user_id, shop_id, what, file)
  values (v_user_id, p_shop_id, p_what, p_file)
  returning imports.import_id into v_import_id;
  return v_import_id;
end;
$$;


--
-- Name: FUNCTION begin_import(p_shop_id uuid, p_what text, p_file text, p_columns text[]); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.begin_import(p_shop_id uuid, p_what text, p_file text, p_columns text[]) IS 'Begin to import a file of products or orders, in the format that a Shopify admin exports; returns its import_id. p_columns is the file''s header: a file without the columns that every line needs is refused at once. Send the lines by shops.add_import_lines, then call shops.apply_import. SH001: no such shop. SH023: neither products nor orders. SH025: a column is missing.';


--
-- Name: configure(uuid, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.configure(p_shop_id uuid, p_settings jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id    uuid := shops._owner(p_shop_id);
  v_of_shop    text[] := array['enabled', 'time_zone'];
  v_fixed      text[] := array['user_id', 'shop_id', 'configured_at'];
  v_of_rules   text[];
  v_settings   shops.settings;
  v_unknown    text;
  v_constraint text;
  v_column     text;
  v_said       text;
begin
  if jsonb_typeof(p_settings) is distinct from 'object' then
    raise exception using
      errcode = 'SH003',
      message = 'A setting has a value that is not allowed.',
      detail  = 'Settings are an object of names and values.',
      hint    = 'Like {"creation_limit": 10, "auto_publish": false}.';
  end if;

  select array_agg(a.attname) into v_of_rules
  from pg_attribute as a
  where a.attrelid = 'shops.winner_rules'::regclass and a.attnum > 0 and not a.attisdropped
    and a.attname not in ('user_id', 'shop_id', 'version', 'created_at');

  insert into shops.settings (user_id, shop_id) values (v_user_id, p_shop_id)
    on conflict do nothing;
  select t.* into v_settings
  from shops.settings as t
  where t.user_id = v_user_id and t.shop_id = p_shop_id
  for update;

  select string_agg(k.name, ', ' order by k.name) into v_unknown
  from jsonb_object_keys(p_settings) as k (name)
  where k.name <> all (v_of_shop || v_of_rules)
    and (k.name = any (v_fixed) or not to_jsonb(v_settings) ? k.name);
  if v_unknown is not null then
    raise exception using
      errcode = 'SH004',
      message = 'No such setting.',
      detail  = v_unknown,
      hint    = format('There are %s.', (
        select string_agg(k.name, ', ' order by k.name)
        from (
          select jsonb_object_keys(to_jsonb(v_settings) - v_fixed)
          union all
          select unnest(v_of_shop || v_of_rules)
        ) as k (name)
      ));
  end if;

  begin
    update shops.shops as s
    set enabled   = case when p_settings ? 'enabled' then (p_settings ->> 'enabled')::boolean
      else s.enabled end,
        time_zone = case when p_settings ? 'time_zone' then p_settings ->> 'time_zone'
          else s.time_zone end
    where s.user_id = v_user_id and s.shop_id = p_shop_id;
    -- An unknown zone fails here and not in the middle of a run.
    perform jobs.clock() at time zone s.time_zone from shops.shops as s where s.shop_id = p_shop_id;

    v_settings := jsonb_populate_record(v_settings, p_settings - v_of_shop - v_of_rules);
    v_settings.configured_at := jobs.clock();
    -- A replaced row needs no list of columns: a new setting is a new column and nothing else.
    delete from shops.settings as t where t.user_id = v_user_id and t.shop_id = p_shop_id;
    insert into shops.settings select v_settings.*;
  exception
    when data_exception or check_violation or not_null_violation then
      get stacked diagnostics
        v_constraint = constraint_name, v_column = column_name, v_said = message_text;
      raise exception using
        errcode = 'SH003',
        message = 'A setting has a value that is not allowed.',
        detail  = format('%s: %s', p_settings,
                         coalesce(nullif(v_constraint, ''), nullif(v_column, '') || ' is missing',
                           v_said)),
        hint    = coalesce(
          (
            select obj_description(c.oid, 'pg_constraint')
            from pg_constraint as c
            where c.conrelid = 'shops.settings'::regclass and c.conname = v_constraint
          ),
          '\d+ shops.settings tells what each setting may be.'
        );
  end;

  if p_settings ?| v_of_rules then
    perform shops.set_winner_rules(p_shop_id, jsonb_object_agg(r.name, r.value))
    from jsonb_each(p_settings) as r (name, value)
    where r.name = any (v_of_rules);
  end if;

  select string_agg(m.model, ', ') into v_unknown
  from (values ('image', v_settings.image_model), ('text', v_settings.text_model))
    as m (task, model)
  where m.model is not null
    and not exists (
      select from shops.models as k where k.task = m.task and k.model = m.model and k.enabled
    );
  if v_unknown is not null then
    raise exception using
      errcode = 'SH003',
      message = 'A setting has a value that is not allowed.',
      detail  = format('No enabled model: %s', v_unknown),
      hint    = 'select task, model from shops.models where enabled;';
  end if;
end;
$$;


--
-- Name: FUNCTION configure(p_shop_id uuid, p_settings jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.configure(p_shop_id uuid, p_settings jsonb) IS 'Change settings of a shop by name (columns of shops.settings and shops.winner_rules, and enabled and time_zone of the shop); what is not named stays, {} accepts the defaults. SH001: no such shop. SH003: a value that is not allowed. SH004: no such setting.';


--
-- Name: connect_campaign(bigint, uuid, text, text, bigint, text, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.connect_campaign(p_product_id bigint, p_connection_id uuid, p_ad_account_id text, p_campaign_id text, p_daily_budget bigint, p_currency text, p_name text DEFAULT NULL::text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_product     record;
  v_campaign_id bigint;
begin
  select p.user_id, p.shop_id into v_product
  from shops.products as p
  where p.product_id = p_product_id;
  if not found then
    raise exception using
      errcode = 'SH020',
      message = 'No such product.',
      detail  = format('product_id=%s', p_product_id),
      hint    = 'select product_id, title from shops.catalogue;';
  end if;
  if not exists (
    select
    from accounts.connections_status as c
    where c.connection_id = p_connection_id and c.user_id = v_product.user_id
      and c.service = 'pinterest'
  ) then
    raise exception using
      errcode = 'SH005',
      message = 'The shop''s owner has no such connection.',
      detail  = format('product_id=%s connection_id=%s', p_product_id, p_connection_id),
      hint    = 'select connection_id, service, account from accounts.connections_status;';
  end if;

  insert into shops.campaigns as k
    (user_id, shop_id, product_id, connection_id, ad_account_id, external_id, name, daily_budget,
    currency)
  values
    (v_product.user_id, v_product.shop_id, p_product_id, p_connection_id, p_ad_account_id,
    p_campaign_id,
     coalesce(p_name, p_campaign_id), p_daily_budget, p_currency)
  on conflict on constraint campaigns_are_connected_once do update
  set name = excluded.name, daily_budget = excluded.daily_budget, currency = excluded.currency
  returning k.campaign_id into v_campaign_id;
  return v_campaign_id;
end;
$$;


--
-- Name: FUNCTION connect_campaign(p_product_id bigint, p_connection_id uuid, p_ad_account_id text, p_campaign_id text, p_daily_budget bigint, p_currency text, p_name text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.connect_campaign(p_product_id bigint, p_connection_id uuid, p_ad_account_id text, p_campaign_id text, p_daily_budget bigint, p_currency text, p_name text) IS 'Tell AutoM of a Pinterest campaign that advertises a product, and of its daily budget in minor units, so that the budget may rise while the product wins; returns its campaign_id. The same campaign again updates name and budget. SH005: not a Pinterest connection of the owner. SH020: no such product.';


--
-- Name: create_shop(uuid, text, text, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.create_shop(p_user_id uuid, p_name text, p_domain text, p_program text DEFAULT 'pod_autom'::text) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
declare
  v_domain     text := lower(regexp_replace(p_domain, '^\s*(https?://)?|/*\s*$', '', 'gi'));
  v_shop_id    uuid;
  v_constraint text;
begin
  if not exists (select from accounts.entitlements as e where e.user_id = p_user_id) then
    raise exception using
      errcode = 'US002',
      message = 'No such user.',
      detail  = format('user_id=%s', p_user_id);
  end if;

  begin
    insert into shops.shops as s (user_id, program, name, domain)
    values (p_user_id, p_program, p_name, v_domain)
    on conflict on constraint shops_domain_is_once_per_user do update set name = excluded.name
    returning s.shop_id into v_shop_id;
  exception
    when check_violation or not_null_violation then
      get stacked diagnostics v_constraint = constraint_name;
      raise exception using
        errcode = 'SH002',
        message = 'A shop cannot be like this.',
        detail  = format('name=%s domain=%s program=%s: %s', p_name, p_domain, p_program,
                         coalesce(nullif(v_constraint, ''), 'a part of it is missing')),
        hint    = 'Give a name, the host name of the storefront, and pod_autom or reboss.';
  end;

  insert into shops.prompts (user_id, shop_id, type, version, body)
  select p_user_id, v_shop_id, d.type, 1, d.body
  from shops.default_prompts as d
  on conflict do nothing;
  return v_shop_id;
end;
$_$;


--
-- Name: FUNCTION create_shop(p_user_id uuid, p_name text, p_domain text, p_program text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.create_shop(p_user_id uuid, p_name text, p_domain text, p_program text) IS 'Add a shop of a user, with the default prompts, and return its shop_id; the same user and domain give the same shop, renamed. It makes nothing before shops.configure was called once. US002: no such user. SH002: a name, domain or program that cannot be.';


--
-- Name: decide_winners(uuid[]); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.decide_winners(p_shop_ids uuid[]) RETURNS TABLE(user_id uuid, decision_id bigint, shop_id uuid, product_id bigint, verdict text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
begin
  return query
  with judged as materialized (
    select c.user_id, c.shop_id, c.product_id, d.today, c.rule, c.rules_version, c.why, v.verdict,
      f.failed_days,
           r.winner_ends_after_days,
           to_jsonb(c) - array['user_id', 'shop_id', 'shop', 'why'] as inputs
    from shops.winner_candidates as c
    join shops.sales_days as d on d.user_id = c.user_id and d.shop_id = c.shop_id
    join shops.present_rules as r on r.user_id = c.user_id and r.shop_id = c.shop_id
    cross join lateral (
      -- Days on which it failed since it last passed, today included. Unknown days have no
      -- decision.
      select count(*) + 1 as failed_days
      from shops.decisions as e
      where e.user_id = c.user_id and e.product_id = c.product_id and e.verdict = 'failing'
        and e.decided_on < d.today
        and e.decided_on > (
          select max(g.decided_on)
          from shops.decisions as g
          where g.user_id = c.user_id and g.product_id = c.product_id
            and g.verdict in ('winner', 'kept')
        )
    ) as f
    cross join lateral (
      select case
        when c.winner and c.state = 'winner' then 'kept'
        when c.winner then 'winner'
        when f.failed_days < r.winner_ends_after_days then 'failing'
        else 'ended'
      end as verdict
    ) as v
    where c.shop_id = any (p_shop_ids) and c.fresh and (c.winner or c.state = 'winner')
  ),
  decided as (
    insert into shops.decisions as n
      (user_id, shop_id, product_id, decided_on, verdict, rule, rules_version, inputs, conditions,
      why)
    select j.user_id, j.shop_id, j.product_id, j.today, j.verdict, j.rule, j.rules_version,
      j.inputs,
           k.conditions,
           format(
             '%s%s It would flip with %s.', j.why,
             case
               when j.verdict in ('failing', 'ended')
                 then format(' Day %s of %s that it fails.', j.failed_days,
                 j.winner_ends_after_days)
             end,
             k.flips
           )
    from judged as j
    cross join lateral (
      select jsonb_agg(
               jsonb_build_object(
                 'rule', w.rule, 'condition', w.condition, 'value', w.value, 'threshold',
                 w.threshold,
                 'margin', w.margin, 'pass', w.pass
               )
               order by w.position
             ) as conditions,
             -- A winner falls by any of its conditions; another one needs all that it misses.
             string_agg(w.flip, case when j.verdict in ('winner', 'kept') then ' or '
               else ' and ' end
                        order by w.position)
               filter (where w.counts and w.margin is not null
                         and w.pass = (j.verdict in ('winner', 'kept'))) as flips
      from shops.winner_conditions as w
      where w.user_id = j.user_id and w.shop_id = j.shop_id and w.product_id = j.product_id
    ) as k
    order by j.user_id, j.product_id
    on conflict (user_id, product_id, decided_on) do nothing
    returning n.user_id, n.decision_id, n.shop_id, n.product_id, n.verdict
  ),
  moved as (
    update shops.products as p
    set state = case d.verdict when 'winner' then 'winner' else 'published' end
    from decided as d
    where p.user_id = d.user_id and p.product_id = d.product_id
      and (
        (d.verdict = 'winner' and p.state in ('published', 'loser'))
        or (d.verdict = 'ended' and p.state = 'winner')
      )
  )
  select d.user_id, d.decision_id, d.shop_id, d.product_id, d.verdict
  from decided as d
  order by d.decision_id;
end;
$$;


--
-- Name: FUNCTION decide_winners(p_shop_ids uuid[]); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.decide_winners(p_shop_ids uuid[]) IS 'Take the day''s decisions on the winners of these shops, by shops.winner_candidates and each shop''s own rule, and move the products: who passes becomes or stays a winner, who fails on too many days in a row ends as one. Where sales are not complete to the end of yesterday nothing is decided. One decision a product and day: the second time changes nothing. Returns the new decisions.';


--
-- Name: explain(bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.explain(p_product_id bigint) RETURNS TABLE(step text, value text, threshold text, ok boolean, note text)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_product record;
begin
  select p.user_id, p.shop_id, p.product_id into v_product
  from shops.products as p
  where p.product_id = p_product_id;
  if not found then
    raise exception using
      errcode = 'SH020',
      message = 'No such product.',
      detail  = format('product_id=%s', p_product_id),
      hint    = 'select product_id, title from shops.catalogue;';
  end if;

  return query
  select 'product', coalesce(c.title, c.handle), c.shop, null::boolean,
         concat_ws(', ', c.origin, 'niche ' || c.niche, 'variation of ' || c.parent_product_id,
           c.link)
  from shops.catalogue as c
  where c.user_id = v_product.user_id and c.product_id = v_product.product_id
  union all
  select 'state', c.state, 'since '
    || to_char(c.state_since at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
         c.state <> 'failed', c.note
  from shops.catalogue as c
  where c.user_id = v_product.user_id and c.product_id = v_product.product_id;

  return query
  select 'quota', p.quota_state, q.monthly_limit::text, q.quota_left is distinct from 0,
         format('%s held, %s used in %s, plan %s', q.held, q.used, to_char(q.month, 'YYYY-MM'),
           q.plan)
  from shops.products as p
  join shops.quota as q on q.user_id = p.user_id
  where p.user_id = v_product.user_id and p.product_id = v_product.product_id
    and p.quota_state <> 'none';

  return query
  select a.task, a.state, a.model, a.state in ('open', 'paid'),
         format('job %s, %s micro-USD', a.job_id, coalesce(a.cost, a.ceiling))
  from shops.ai_calls as a
  where a.user_id = v_product.user_id and a.product_id = v_product.product_id
  order by a.ai_call_id desc
  limit 3;

  return query
  select y.platform, y.state, y.target, y.state in ('queued', 'done'),
         coalesce(y.reason, y.external_id,
           'since ' || to_char(y.queued_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI'))
  from shops.syncs as y
  where y.user_id = v_product.user_id and y.product_id = v_product.product_id
  order by y.sync_id desc
  limit 2;

  return query
  select 'net units', concat_ws(' / ', w.units_3, w.units_7, w.units_10, w.units_14), null,
    null::boolean,
         format('in 3 / 7 / 10 / 14 days up to %s; gross %s / %s / %s / %s', w.today - 1,
                w.gross_3, w.gross_7, w.gross_10, w.gross_14)
  from shops.windows as w
  where w.shop_id = v_product.shop_id and w.product_id = v_product.product_id
  union all
  select 'since tracking', w.lifetime_units::text, null, null,
         coalesce(format('since %s; %s in the first days',
                         to_char(w.first_tracked_at at time zone 'UTC', 'YYYY-MM-DD'),
                           w.first_units), 'not tracked yet')
  from shops.windows as w
  where w.shop_id = v_product.shop_id and w.product_id = v_product.product_id;

  return query
  select k.rule || ': ' || k.condition, k.value, k.threshold, k.pass,
         case when k.pass then 'until ' else 'needs ' end || k.flip
           || case when k.counts then '' else ' (not the shop''s rule)' end
  from shops.winner_conditions as k
  where k.shop_id = v_product.shop_id and k.product_id = v_product.product_id
  order by not k.counts, k.position;

  return query
  select 'winner now', coalesce(c.winner::text, 'unknown'), c.rule, c.winner, c.why
  from shops.winner_candidates as c
  where c.shop_id = v_product.shop_id and c.product_id = v_product.product_id;

  return query
  select 'decided ' || d.decided_on, d.verdict, format('%s, rules %s', d.rule, d.rules_version),
         d.verdict in ('winner', 'kept'), d.why
  from shops.decisions as d
  where d.user_id = v_product.user_id and d.product_id = v_product.product_id
  order by d.decided_on desc
  limit 3;

  return query
  select i.action, i.state,
    coalesce(i.how_many::text, i.from_budget || ' to ' || i.to_budget, i.target),
         i.state in ('open', 'done'),
         format('intent %s of %s%s', i.intent_id, i.created_at::date, ': ' || i.reason)
  from shops.scaling_intents as i
  where i.user_id = v_product.user_id and i.shop_id = v_product.shop_id
    and i.product_id = v_product.product_id
  order by i.intent_id desc
  limit 5;
end;
$$;


--
-- Name: FUNCTION explain(p_product_id bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.explain(p_product_id bigint) IS 'All about a product on one screen: where it is in its life and why, quota, AI calls with their jobs, platforms, sales windows, every condition of the winner rules with its threshold and what would flip it (the shop''s own rule first), the last decisions and what was done about them. Times are UTC. SH020: no such product.';


--
-- Name: look(uuid); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.look(p_shop_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select count(jobs.enqueue(
    p_kind       => case c.service when 'pinterest' then 'shops.list_boards'
      else 'shops.list_collections' end,
    p_payload    => jsonb_build_object('shop_id', c.shop_id, 'service', c.service),
    p_key        => c.connection_id::text,
    p_tenant     => c.user_id,
    p_unique_key => c.shop_id::text
  ))
  from shops.shop_connections as c
  where c.shop_id = p_shop_id and c.service in ('pinterest', 'shopify');
$$;


--
-- Name: FUNCTION look(p_shop_id uuid); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.look(p_shop_id uuid) IS 'Read a shop''s Pinterest boards and Shopify collections anew, into shops.boards and shops.collections.';


--
-- Name: open_shop(uuid, text, text, text[]); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.open_shop(p_user_id uuid, p_name text, p_domain text, p_niches text[] DEFAULT '{}'::text[]) RETURNS TABLE(shop_id uuid, service text, account text, attached boolean, why text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_shop_id uuid := shops.create_shop(p_user_id, p_name, p_domain);
begin
  perform shops.configure(v_shop_id, '{}');
  -- The first one named comes first.
  perform shops.add_niche(v_shop_id, n.name, (cardinality(p_niches) - n.place)::integer)
  from unnest(p_niches) with ordinality as n (name, place);
  return query
  select v_shop_id, o.service, o.account, o.attached, o.why
  from shops.attach_own(v_shop_id) as o;
end;
$$;


--
-- Name: FUNCTION open_shop(p_user_id uuid, p_name text, p_domain text, p_niches text[]); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.open_shop(p_user_id uuid, p_name text, p_domain text, p_niches text[]) IS 'Add a shop that can begin at once: shops.create_shop, the default settings, its niches, and its owner''s connections where there is no choice (shops.attach_own). Returns a row for each service. US002: no such user. SH002: a name or domain that cannot be. SH006: the plan allows fewer niches.';


--
-- Name: pause_campaign(bigint, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.pause_campaign(p_campaign_id bigint, p_reason text DEFAULT 'paused by a person'::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update shops.campaigns as k
  set paused_by = 'user', paused_reason = p_reason
  where k.campaign_id = p_campaign_id;
  if not found then
    raise exception using
      errcode = 'SH022',
      message = 'No such campaign.',
      detail  = format('campaign_id=%s', p_campaign_id),
      hint    = 'select campaign_id, name from shops.campaigns;';
  end if;
end;
$$;


--
-- Name: FUNCTION pause_campaign(p_campaign_id bigint, p_reason text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.pause_campaign(p_campaign_id bigint, p_reason text) IS 'A person has paused a campaign at Pinterest, or wants its budget left as it is: no job touches it until a person calls shops.resume_campaign, whatever its product sells. SH022: no such campaign.';


--
-- Name: plan_creation(uuid, uuid); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.plan_creation(p_user_id uuid DEFAULT NULL::uuid, p_shop_id uuid DEFAULT NULL::uuid) RETURNS TABLE(user_id uuid, shop_id uuid, shop text, niche_id bigint, niche text, how_many integer, why text, quota_left bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
#variable_conflict use_column
begin
  return query
  with scope as materialized (
    select r.*,
           b.budget_left,
           made.today as made,
           greatest(r.creation_limit - made.today, 0) as wanted,
           q.quota_left as left_now
    from shops.readiness as r
    join shops.quota as q on q.user_id = r.user_id
    join shops.budget as b on b.user_id = r.user_id
    cross join lateral (
      select count(*)::integer as today
      from shops.niches as n
      join shops.products as p
        on p.user_id = n.user_id and p.niche_id = n.niche_id and p.planned_on = r.today
      where n.user_id = r.user_id
        and n.shop_id = r.shop_id
        and p.origin = 'planned'
        and p.quota_state in ('held', 'used')
    ) as made
    where r.program = 'pod_autom'
      and (p_user_id is null or r.user_id = p_user_id)
      and (p_shop_id is null or r.shop_id = p_shop_id)
  ),
  -- The plan's number of niches goes to the first by priority, over all shops of the user.
  allowed as (
    select n.user_id, n.shop_id, n.niche_id, n.name, n.priority, n.daily_limit,
           row_number() over (partition by n.user_id order by n.priority desc, n.niche_id) as place
    from shops.niches as n
    where n.active and n.user_id in (select s.user_id from scope as s)
  ),
  shares as materialized (
    select s.user_id, s.shop_id, a.niche_id, a.name,
           -- The first in line moves on by one each day, so that remainders go round.
           mod(
             row_number()
               over (partition by s.user_id, s.shop_id order by a.priority desc, a.niche_id)
               - 1 + count(*) over (partition by s.user_id, s.shop_id)
               - mod((s.today - date '2000-01-01')::bigint,
               count(*) over (partition by s.user_id, s.shop_id)),
             count(*) over (partition by s.user_id, s.shop_id)
           ) as turn,
           greatest(least(s.wanted, a.daily_limit - made.today), 0) as room
    from scope as s
    join allowed as a
      on a.user_id = s.user_id and a.shop_id = s.shop_id
     and (s.niche_limit is null or a.place <= s.niche_limit)
    cross join lateral (
      select count(*)::integer as today
      from shops.products as p
      where p.user_id = a.user_id
        and p.niche_id = a.niche_id
        and p.planned_on = s.today
        and p.origin = 'planned'
        and p.quota_state in ('held', 'used')
    ) as made
  ),
  verdicts as (
    select s.*,
           case
             when not s.enabled then 'disabled'
             when not (s.shopify and s.openai) then 'not_connected'
             when not s.configured then 'no_settings'
             when h.niches is null and s.subscribed then 'no_niches'
             when not s.subscribed then 'no_subscription'
             when s.left_now = 0 then 'monthly_limit_reached'
             when s.wanted = 0 and s.made > 0 then 'already_planned'
             when s.wanted = 0 or h.room = 0 then 'daily_limit_reached'
             when s.budget_left = 0 then 'budget_reached'
           end as refusal
    from scope as s
    left join (
      select x.user_id, x.shop_id, count(*) as niches, sum(x.room) as room
      from shares as x
      group by x.user_id, x.shop_id
    ) as h on h.user_id = s.user_id and h.shop_id = s.shop_id
  ),
  -- Cards are dealt: one to each niche, round after round, until a limit is met. That is n // k
  -- each and the remainder one each, whatever the niches' own limits.
  dealt as (
    select v.user_id, v.shop_id, x.niche_id, v.wanted, v.left_now,
           row_number() over (partition by v.user_id, v.shop_id order by c.round, x.turn) as card
    from verdicts as v
    join shares as x on x.user_id = v.user_id and x.shop_id = v.shop_id
    cross join generate_series(1, x.room) as c (round)
    where v.refusal is null
  ),
  -- And the user's quota is dealt to his shops in the same way.
  granted as (
    select d.user_id, d.shop_id, d.niche_id, d.left_now,
           row_number() over (partition by d.user_id order by d.card, d.shop_id) as grant_no
    from dealt as d
    where d.card <= d.wanted
  ),
  planned as (
    select g.user_id, g.shop_id, g.niche_id, count(*)::integer as how_many
    from granted as g
    where g.left_now is null or g.grant_no <= g.left_now
    group by g.user_id, g.shop_id, g.niche_id
  ),
  totals as (
    select p.user_id, p.shop_id, sum(p.how_many) as of_shop,
           (sum(sum(p.how_many)) over (partition by p.user_id))::bigint as of_user
    from planned as p
    group by p.user_id, p.shop_id
  )
  select v.user_id,
         v.shop_id,
         v.shop,
         p.niche_id,
         x.name,
         coalesce(p.how_many, 0),
         case
           when p.niche_id is not null then format(
             '%s of %s wanted today%s', t.of_shop, v.wanted,
             case
               when t.of_shop < v.wanted and t.of_user = v.left_now
                 then format('; the month has %s left', v.left_now)
               when t.of_shop < v.wanted then '; the niches'' daily limits are reached'
               else ''
             end
           )
           -- Other shops of the user took what was left of the month.
           else coalesce(v.refusal, 'monthly_limit_reached')
         end,
         v.left_now - coalesce(max(t.of_user) over (partition by v.user_id), 0)
  from verdicts as v
  left join planned as p on p.user_id = v.user_id and p.shop_id = v.shop_id
  left join shares as x on x.user_id = p.user_id and x.niche_id = p.niche_id
  left join totals as t on t.user_id = v.user_id and t.shop_id = v.shop_id
  order by v.user_id, v.shop_id, x.turn;
end;
$$;


--
-- Name: FUNCTION plan_creation(p_user_id uuid, p_shop_id uuid); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.plan_creation(p_user_id uuid, p_shop_id uuid) IS 'What a run of product_creation would plan now, for all shops or one user or shop: a row a niche, or one row with how_many 0 where why is the skip reason (disabled, not_connected, no_settings, no_niches, no_subscription, monthly_limit_reached, already_planned, daily_limit_reached, budget_reached). quota_left is what the user''s month has left after the plan; null: unlimited. Changes nothing; shops.apply_creation does exactly this.';


--
-- Name: prepare_check_media(bigint, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.prepare_check_media(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select coalesce(
      t.halt,
      (
        select jsonb_build_object(
          'connection_id', t.connection_id,
          'request', jsonb_build_object('product_gid', p.product_gid)
        )
        from shops.products as p
        where p.user_id = t.user_id and p.product_id = t.product_id
      )
    )
    from shops._take_step('shops.check_media', p_payload) as t
  );
end;
$$;


--
-- Name: FUNCTION prepare_check_media(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.prepare_check_media(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares shops.check_media. Payload: {"product_id"}. Asks whether the shop has the picture ready.';


--
-- Name: prepare_create_product(bigint, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.prepare_create_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select coalesce(
      t.halt,
      (
        select jsonb_build_object(
          'connection_id', t.connection_id,
          'request', jsonb_build_object(
            'handle', p.handle,
            'title', p.title,
            'description_html', shops._paragraphs(p.description),
            'tags', p.tags,
            'vendor', s.vendor,
            'price', shops._price_text(p.price_minor, p.currency),
            'sku', p.sku,
            'status', 'DRAFT',
            'image', jsonb_build_object('resource_url', p.resource_url, 'alt', p.title)
          )
        )
        from shops.products as p
        join shops.settings as s on s.user_id = p.user_id and s.shop_id = p.shop_id
        where p.user_id = t.user_id and p.product_id = t.product_id
      )
    )
    from shops._take_step('shops.create_product', p_payload) as t
  );
end;
$$;


--
-- Name: FUNCTION prepare_create_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.prepare_create_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares shops.create_product. Payload: {"product_id"}. An upsert by the handle that was fixed when the product was planned, so a repeat makes no second one.';


--
-- Name: prepare_draw_design(bigint, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.prepare_draw_design(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select coalesce(
      t.halt,
      shops._ask_model(
        p_job_id, t.user_id, t.product_id, t.connection_id, 'image',
        jsonb_build_object(
          'prompt', shops._prompt(t.user_id, t.product_id, 'image'),
          -- 2:3, which is what Pinterest shows whole.
          'size', '1024x1536'
        ),
        p_maybe_sent
      )
    )
    from shops._take_step('shops.draw_design', p_payload) as t
  );
end;
$$;


--
-- Name: FUNCTION prepare_draw_design(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.prepare_draw_design(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares shops.draw_design. Payload: {"product_id"}. Asks for a picture of the niche''s prompt, once the budget allows it.';


--
-- Name: prepare_look(bigint, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.prepare_look(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(
    (
      select case a.state
        when 'connected'
          then jsonb_build_object('connection_id', a.connection_id, 'request', jsonb_build_object())
        else jsonb_build_object('skip', 'not_connected')
      end
      from shops.shop_connections as c
      join accounts.connections_status as a on a.user_id = c.user_id
        and a.connection_id = c.connection_id
      where c.shop_id = (p_payload ->> 'shop_id')::uuid and c.service = p_payload ->> 'service'
    ),
    jsonb_build_object('skip', 'not_connected')
  );
$$;


--
-- Name: FUNCTION prepare_look(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.prepare_look(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares shops.list_boards and shops.list_collections. Payload: {"shop_id", "service"}.';


--
-- Name: prepare_optimise_product(bigint, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.prepare_optimise_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_step record;
begin
  select t.user_id, t.product_id, t.connection_id, t.halt into v_step
  from shops._take_step('shops.optimise_product', p_payload) as t;
  if v_step.halt is not null then
    return v_step.halt;
  end if;
  if exists (
    select
    from shops.texts as t
    where t.user_id = v_step.user_id and t.product_id = v_step.product_id and t.step = 'optimised'
  ) then
    return jsonb_build_object('skip', 'The optimised text is known.');
  end if;

  return shops._ask_model(
    p_job_id, v_step.user_id, v_step.product_id, v_step.connection_id, 'text',
    (
      select shops._text_request(n.language, shops._told(p.user_id, p.product_id))
      from shops.products as p
      join shops.niches as n on n.user_id = p.user_id and n.niche_id = p.niche_id
      where p.user_id = v_step.user_id and p.product_id = v_step.product_id
    ),
    p_maybe_sent
  );
end;
$$;


--
-- Name: FUNCTION prepare_optimise_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.prepare_optimise_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares shops.optimise_product. Payload: {"product_id"}. Asks for a better text, once the budget allows it; one that is known already is not paid for again.';


--
-- Name: prepare_pause_campaign(bigint, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.prepare_pause_campaign(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(
    (
      select case
        when i.state <> 'open' then jsonb_build_object('skip', coalesce(i.reason, i.state))
        when k.paused_by is not null then jsonb_build_object('skip', 'paused_by_' || k.paused_by)
        when p.state = 'winner' then jsonb_build_object('skip', 'winner_again')
        when not s.pinterest then jsonb_build_object('give_up', 'not_connected')
        else jsonb_build_object(
          'connection_id', k.connection_id,
          'request',
          jsonb_build_object('ad_account_id', k.ad_account_id, 'campaign_id', k.external_id)
        )
      end
      from shops.scaling_intents as i
      join shops.campaigns as k on k.user_id = i.user_id and k.campaign_id = i.campaign_id
      join shops.products as p on p.user_id = i.user_id and p.product_id = i.product_id
      join shops.readiness as s on s.user_id = i.user_id and s.shop_id = i.shop_id
      where i.intent_id = (p_payload ->> 'intent_id')::bigint
    ),
    jsonb_build_object('skip', 'no such intent')
  );
$$;


--
-- Name: FUNCTION prepare_pause_campaign(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.prepare_pause_campaign(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares shops.pause_campaign: pauses the campaign that the intent names, unless it is paused already or its product wins again.';


--
-- Name: prepare_pin_product(bigint, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.prepare_pin_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select case
      when y.sync_id is null then jsonb_build_object('skip', 'The product is gone.')
      when y.state <> 'queued' then jsonb_build_object('skip', format('The pin is %s.', y.state))
      when p.shop_status is distinct from 'ACTIVE' then jsonb_build_object('skip', 'not_active')
      when p.image_url is null then jsonb_build_object('skip', 'no_picture')
      -- What may be there already is looked for, whatever has changed since.
      when t.obstacle is not null and not l.look_first then jsonb_build_object('skip', t.obstacle)
      else jsonb_build_object(
        'connection_id', c.connection_id,
        'request', jsonb_build_object(
          'board_id', y.target,
          'title', shops._plain(p.title, 100),
          'description', shops._plain(p.description, 500),
          'link', format('%s?utm_source=pinterest&utm_medium=social&utm_content=%s', y.link, y.tag),
          'alt_text', shops._plain(p.title, 500),
          'image_url', p.image_url,
          'maybe_sent', l.look_first
        )
      )
    end
    from (select (p_payload ->> 'sync_id')::bigint as sync_id) as asked
    left join shops.syncs as y on y.sync_id = asked.sync_id
    left join shops.products as p on p.user_id = y.user_id and p.product_id = y.product_id
    left join shops.platform_status as t
      on t.user_id = y.user_id and t.shop_id = y.shop_id and t.platform = y.platform
    left join shops.shop_connections as c
      on c.user_id = y.user_id and c.shop_id = y.shop_id and c.service = 'pinterest'
    cross join lateral (
      select p_maybe_sent or exists (
        select
        from shops.syncs as e
        where e.user_id = y.user_id
          and e.product_id = y.product_id
          and e.platform = y.platform
          and e.state = 'unknown'
      )
    ) as l (look_first)
  );
end;
$$;


--
-- Name: FUNCTION prepare_pin_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.prepare_pin_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares shops.pin_product. Payload: {"sync_id"}. The link carries our tag, by which a pin that may have been made is found on the board before another is tried. Skipped where something came in the way meanwhile.';


--
-- Name: prepare_publish_product(bigint, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.prepare_publish_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select coalesce(
      t.halt,
      (
        select jsonb_build_object(
          'connection_id', t.connection_id,
          'request', jsonb_build_object('product_gid', p.product_gid)
        )
        from shops.products as p
        where p.user_id = t.user_id and p.product_id = t.product_id
      )
    )
    from shops._take_step('shops.publish_product', p_payload) as t
  );
end;
$$;


--
-- Name: FUNCTION prepare_publish_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.prepare_publish_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares shops.publish_product. Payload: {"product_id"}.';


--
-- Name: prepare_raise_budget(bigint, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.prepare_raise_budget(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(
    (
      select case
        when i.state <> 'open' then jsonb_build_object('skip', coalesce(i.reason, i.state))
        when k.paused_by is not null then jsonb_build_object('skip', 'paused_by_' || k.paused_by)
        when not s.enabled then jsonb_build_object('skip', 'disabled')
        when not s.pinterest then jsonb_build_object('skip', 'not_connected')
        when k.daily_budget <> i.from_budget then jsonb_build_object('skip', 'budget_changed')
        when p.state <> 'winner' then jsonb_build_object('skip', 'no_winner')
        else jsonb_build_object(
          'connection_id', k.connection_id,
          'request', jsonb_build_object(
            'ad_account_id', k.ad_account_id,
            'campaign_id', k.external_id,
            'daily_spend_cap', shops._micro(i.to_budget, i.currency)
          )
        )
      end
      from shops.scaling_intents as i
      join shops.campaigns as k on k.user_id = i.user_id and k.campaign_id = i.campaign_id
      join shops.products as p on p.user_id = i.user_id and p.product_id = i.product_id
      join shops.readiness as s on s.user_id = i.user_id and s.shop_id = i.shop_id
      where i.intent_id = (p_payload ->> 'intent_id')::bigint
    ),
    jsonb_build_object('skip', 'no such intent')
  );
$$;


--
-- Name: FUNCTION prepare_raise_budget(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.prepare_raise_budget(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares shops.raise_budget: sets the budget that the intent names, if it is still wanted and nobody paused or changed the campaign. The budget is an absolute number, so a repeat raises nothing twice.';


--
-- Name: prepare_read_orders(bigint, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.prepare_read_orders(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select coalesce(
    (
      select case
        when not s.enabled then jsonb_build_object('skip', 'disabled')
        when c.connection_id is null then jsonb_build_object('skip', 'not_connected')
        else jsonb_build_object(
          'connection_id', c.connection_id,
          'request', jsonb_build_object(
            'updated_since',
            to_char(p.updated_since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
            'after', p_payload ->> 'after',
            'page_size', 50
          )
        )
      end
      from shops.order_passes as p
      join shops.shops as s on s.user_id = p.user_id and s.shop_id = p.shop_id
      left join shops.shop_connections as c
        on c.user_id = p.user_id and c.shop_id = p.shop_id and c.service = 'shopify'
      where p.pass_id = (p_payload ->> 'pass_id')::bigint and p.state = 'reading'
    ),
    jsonb_build_object('skip', 'the pass is over')
  );
$$;


--
-- Name: FUNCTION prepare_read_orders(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.prepare_read_orders(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares shops.read_orders: the next page of a pass, as long as the pass is open and its shop connected.';


--
-- Name: prepare_update_product(bigint, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.prepare_update_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select coalesce(
      t.halt,
      (
        select jsonb_build_object(
          'connection_id', t.connection_id,
          'request', jsonb_build_object(
            'product_gid', p.product_gid,
            'title', p.title,
            'description_html', shops._paragraphs(p.description),
            'tags', p.tags
          )
        )
        from shops.products as p
        where p.user_id = t.user_id and p.product_id = t.product_id
      )
    )
    from shops._take_step('shops.update_product', p_payload) as t
  );
end;
$$;


--
-- Name: FUNCTION prepare_update_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.prepare_update_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares shops.update_product. Payload: {"product_id"}. Puts the optimised text into the shop.';


--
-- Name: prepare_upload_design(bigint, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.prepare_upload_design(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select coalesce(
      t.halt,
      (
        select jsonb_build_object(
          'connection_id', t.connection_id,
          'request', jsonb_build_object(
            'filename', p.handle || '.' || split_part(d.media_type, '/', 2),
            'media_type', d.media_type,
            -- encode() breaks lines.
            'image_base64', replace(encode(d.picture, 'base64'), E'\n', '')
          )
        )
        from shops.products as p
        join shops.designs as d on d.user_id = p.user_id and d.product_id = p.product_id
        where p.user_id = t.user_id and p.product_id = t.product_id
      )
    )
    from shops._take_step('shops.upload_design', p_payload) as t
  );
end;
$$;


--
-- Name: FUNCTION prepare_upload_design(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.prepare_upload_design(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares shops.upload_design. Payload: {"product_id"}. A second upload makes a second file, which nothing uses.';


--
-- Name: prepare_write_text(bigint, jsonb, boolean); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.prepare_write_text(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  return (
    select coalesce(
      t.halt,
      shops._ask_model(
        p_job_id, t.user_id, t.product_id, t.connection_id, 'text',
        (
          select shops._text_request(n.language, shops._told(t.user_id, t.product_id))
          from shops.products as p
          join shops.niches as n on n.user_id = p.user_id and n.niche_id = p.niche_id
          where p.user_id = t.user_id and p.product_id = t.product_id
        ),
        p_maybe_sent
      )
    )
    from shops._take_step('shops.write_text', p_payload) as t
  );
end;
$$;


--
-- Name: FUNCTION prepare_write_text(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.prepare_write_text(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) IS 'Prepares shops.write_text. Payload: {"product_id"}. Asks for title, description and tags by the niche''s prompts, once the budget allows it.';


--
-- Name: probability_above(double precision, bigint, double precision, integer, double precision); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.probability_above(p_weekly_units double precision, p_units bigint, p_weeks double precision, p_prior_shape integer DEFAULT 1, p_prior_weekly_units double precision DEFAULT 1.5) RETURNS double precision
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
declare
  -- P(rate > t) = e^(-z) * sum of z^i / i! for i from 0 to shape + units - 1, by Horner's rule from
  -- the last term down. No double shows a term that comes more than 12 deviations after z.
  v_z    double precision := (p_prior_shape / p_prior_weekly_units + p_weeks) * p_weekly_units;
  v_last bigint := p_prior_shape + p_units - 1;
  v_one  double precision;
  v_sum  double precision;
  v_left double precision;
begin
  if v_z <= 700 then
    -- The usual case, with one step a unit: views ask it of every product.
    v_one := pg_catalog.exp(-v_z);
    v_sum := v_one;
    for v_i in reverse least(v_last, 1100) .. 1 loop
      v_sum := v_one + v_sum * v_z / v_i;
    end loop;
    return least(v_sum, 1);
  end if;

  -- All of e^(-z) at once would be 0: what is left of it is multiplied in as the sum grows.
  v_left := v_z;
  v_one := 1;
  v_sum := 1;
  v_last := least(v_last, pg_catalog.ceil(v_z + 12 * pg_catalog.sqrt(v_z) + 40));
  for v_i in reverse v_last .. 1 loop
    v_sum := v_one + v_sum * v_z / v_i;
    if v_sum > 1e200 then
      v_one := 0;
      v_sum := v_sum * 1e-200;
      v_left := v_left - 460.517018598809;
    end if;
  end loop;
  return case when v_left > 700 then 0 else least(v_sum * pg_catalog.exp(-v_left), 1) end;
end;
$$;


--
-- Name: FUNCTION probability_above(p_weekly_units double precision, p_units bigint, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.probability_above(p_weekly_units double precision, p_units bigint, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) IS 'How likely it is that a product sells more than p_weekly_units a week in the long run, after p_units in p_weeks: the upper tail of a Gamma posterior, exact because the prior''s shape is a whole number. The prior expects p_prior_weekly_units a week.';


--
-- Name: publish(bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.publish(p_product_id bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id uuid;
  v_state   text;
begin
  select p.user_id, p.state into v_user_id, v_state
  from shops.products as p
  where p.product_id = p_product_id;
  if v_state is distinct from 'optimised' then
    raise exception using
      errcode = 'SH008',
      message = 'Only an optimised product can be published.',
      detail  = format('product_id=%s state=%s', p_product_id, coalesce(v_state, 'none such')),
      hint    = 'select product_id, title from shops.catalogue where state = ''optimised'';';
  end if;
  return shops._enqueue_step('shops.publish_product', v_user_id, p_product_id);
end;
$$;


--
-- Name: FUNCTION publish(p_product_id bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.publish(p_product_id bigint) IS 'Publish an optimised product of a shop that does not publish by itself; returns the job. SH008: it is not optimised, or not there.';


--
-- Name: read_orders(uuid); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.read_orders(p_shop_id uuid) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select shops._start_passes(null, array[s.shop_id]) > 0
  from (select p_shop_id, shops._owner(p_shop_id)) as s (shop_id, user_id);
$$;


--
-- Name: FUNCTION read_orders(p_shop_id uuid); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.read_orders(p_shop_id uuid) IS 'Read a shop''s new and changed orders now. False: it is being read already, or has no Shopify connection. SH001: no such shop.';


--
-- Name: remove_niche(bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.remove_niche(p_niche_id bigint) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with removed as (
    update shops.niches as n set active = false where n.niche_id = p_niche_id
      and n.active returning 1
  )
  select exists (select from removed);
$$;


--
-- Name: FUNCTION remove_niche(p_niche_id bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.remove_niche(p_niche_id bigint) IS 'Make no more products about a niche; those that exist stay. False where it was not active.';


--
-- Name: resume_campaign(bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.resume_campaign(p_campaign_id bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  update shops.campaigns as k
  set paused_by = null, paused_reason = null
  where k.campaign_id = p_campaign_id;
  if not found then
    raise exception using
      errcode = 'SH022',
      message = 'No such campaign.',
      detail  = format('campaign_id=%s', p_campaign_id),
      hint    = 'select campaign_id, name from shops.campaigns;';
  end if;
end;
$$;


--
-- Name: FUNCTION resume_campaign(p_campaign_id bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.resume_campaign(p_campaign_id bigint) IS 'A person has restarted a campaign at Pinterest, or will: its budget may rise again while its product wins. No job calls this, and nothing here restarts a campaign. SH022: no such campaign.';


--
-- Name: resume_platform(uuid, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.resume_platform(p_shop_id uuid, p_platform text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  with resumed as (
    delete from shops.platform_stops as x
    where x.user_id = shops._owner(p_shop_id) and x.shop_id = p_shop_id and x.platform = p_platform
    returning 1
  )
  select exists (select from resumed);
$$;


--
-- Name: FUNCTION resume_platform(p_shop_id uuid, p_platform text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.resume_platform(p_shop_id uuid, p_platform text) IS 'Let a shop that a platform called spam show products there again. False where it was not stopped. SH001: no such shop.';


--
-- Name: run_creation(bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.run_creation(p_run_id bigint) RETURNS TABLE(items integer, skipped integer, why text)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  delete from shops.shop_runs as r where r.ran_at < jobs.clock() - interval '100 days';

  select coalesce(sum(a.how_many), 0)::integer,
         (count(*) filter (where a.how_many = 0))::integer,
         coalesce(
           shops._skipped(array_agg(a.why) filter (where a.how_many = 0)),
           case when count(*) = 0 then 'no_shops' end
         )
  from shops.apply_creation(p_run_id) as a;
$$;


--
-- Name: FUNCTION run_creation(p_run_id bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.run_creation(p_run_id bigint) IS 'The schedule product_creation: plan products for every shop. items = products planned, skipped = shops without work, why = their reasons. Once a day is often enough to forget, too: what runs decided is kept for 100 days.';


--
-- Name: run_optimisation(bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.run_optimisation(p_run_id bigint) RETURNS TABLE(items integer, skipped integer, why text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_payloads jsonb[];
  v_keys     text[];
  v_tenants  uuid[];
begin
  with due as (
    select p.user_id, p.shop_id, p.product_id, c.connection_id
    from shops.products as p
    join shops.readiness as r
      on r.user_id = p.user_id and r.shop_id = p.shop_id and r.enabled and r.shopify and r.openai
    join shops.shop_connections as c
      on c.user_id = p.user_id and c.shop_id = p.shop_id and c.service = 'openai'
    where p.state = 'created'
      and p.optimization_status = 'pending'
      and p.image_url is not null
      and not exists (
        select
        from shops.texts as t
        where t.user_id = p.user_id and t.product_id = p.product_id and t.step = 'optimised'
      )
  ),
  runs as (
    insert into shops.shop_runs (user_id, shop_id, job, run_id, status, items, skip_reason)
    select r.user_id, r.shop_id, 'product_optimize', p_run_id,
           case when d.items > 0 then 'succeeded' else 'skipped' end,
           coalesce(d.items, 0),
           case
             when d.items > 0 then null
             when not r.enabled then 'disabled'
             when not (r.shopify and r.openai) then 'not_connected'
             else 'nothing_to_optimise'
           end
    from shops.readiness as r
    left join (
      select u.user_id, u.shop_id, count(*)::integer as items from due as u group by u.user_id,
        u.shop_id
    ) as d on d.user_id = r.user_id and d.shop_id = r.shop_id
    where r.program = 'pod_autom'
    returning items, skip_reason
  )
  select coalesce(sum(r.items), 0)::integer,
         (count(*) filter (where r.items = 0))::integer,
         coalesce(
           shops._skipped(array_agg(r.skip_reason) filter (where r.items = 0)),
           case when count(*) = 0 then 'no_shops' end
         ),
         (select array_agg(jsonb_build_object('product_id', d.product_id) order by d.product_id)
           from due as d),
         (select array_agg(d.connection_id::text order by d.product_id) from due as d),
         (select array_agg(d.user_id order by d.product_id) from due as d)
  into items, skipped, why, v_payloads, v_keys, v_tenants
  from runs as r;

  if items > 0 then
    perform jobs.enqueue_many(
      p_kind        => 'shops.optimise_product',
      p_payloads    => v_payloads,
      p_keys        => v_keys,
      p_tenants     => v_tenants,
      p_unique_keys => array(
        select u.payload ->> 'product_id'
        from unnest(v_payloads) with ordinality as u (payload, place)
        order by u.place
      )
    );
  end if;
  return next;
end;
$$;


--
-- Name: FUNCTION run_optimisation(p_run_id bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.run_optimisation(p_run_id bigint) IS 'The schedule product_optimize: optimise every product that is in its shop with a picture and was not optimised yet. Imported ones are left as they are. items = products, skipped = shops without work, why = their reasons.';


--
-- Name: run_pins(bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.run_pins(p_run_id bigint) RETURNS TABLE(items integer, skipped integer, why text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_sync_ids bigint[];
begin
  with shops_here as materialized (
    select t.user_id, t.shop_id, t.obstacle, t.target,
           greatest(least(r.pin_limit, r.pin_daily_limit - pinned.today), 0) as room
    from shops.platform_status as t
    join shops.readiness as r on r.user_id = t.user_id and r.shop_id = t.shop_id
    join shops.shops as s on s.user_id = t.user_id and s.shop_id = t.shop_id
    cross join lateral (
      select count(*)::integer as today
      from shops.syncs as y
      where y.user_id = s.user_id
        and y.shop_id = s.shop_id
        and y.platform = 'pinterest'
        and y.queued_at >= r.today::timestamp at time zone s.time_zone
    ) as pinned
    where t.platform = 'pinterest' and r.program = 'pod_autom'
  ),
  chosen as materialized (
    select h.user_id, h.shop_id, h.target, u.product_id, u.handle
    from shops_here as h
    cross join lateral (
      select n.product_id, n.handle
      from shops.unsynced as n
      where n.user_id = h.user_id and n.shop_id = h.shop_id and n.platform = 'pinterest'
      order by n.product_id
      limit h.room
    ) as u
    where h.obstacle is null
  ),
  queued as (
    insert into shops.syncs (user_id, product_id, shop_id, platform, target, link, tag)
    select c.user_id, c.product_id, c.shop_id, 'pinterest', c.target,
           format('https://%s/products/%s', s.domain, c.handle),
           'autom-' || c.product_id
    from chosen as c
    join shops.shops as s on s.user_id = c.user_id and s.shop_id = c.shop_id
    -- Of two runs at once, the other's choice stands.
    on conflict (user_id, product_id, platform) where state = 'queued' do nothing
    returning user_id, shop_id, sync_id
  ),
  runs as (
    insert into shops.shop_runs (user_id, shop_id, job, run_id, status, items, skip_reason)
    select h.user_id, h.shop_id, 'pinterest_sync', p_run_id,
           case when q.items > 0 then 'succeeded' else 'skipped' end,
           coalesce(q.items, 0),
           case
             when q.items > 0 then null
             when h.obstacle is not null then h.obstacle
             when h.room = 0 then 'daily_limit_reached'
             else 'nothing_unsynced'
           end
    from shops_here as h
    left join (
      select k.user_id, k.shop_id, count(*)::integer as items from queued as k group by k.user_id,
        k.shop_id
    ) as q on q.user_id = h.user_id and q.shop_id = h.shop_id
    returning items, skip_reason
  )
  select coalesce(sum(r.items), 0)::integer,
         (count(*) filter (where r.items = 0))::integer,
         coalesce(
           shops._skipped(array_agg(r.skip_reason) filter (where r.items = 0)),
           case when count(*) = 0 then 'no_shops' end
         ),
         (select array_agg(q.sync_id order by q.sync_id) from queued as q)
  into items, skipped, why, v_sync_ids
  from runs as r;

  if items > 0 then
    -- A call for each moment: as many as a run has places, however many shops there are.
    perform jobs.enqueue_many(
      p_kind     => 'shops.pin_product',
      p_payloads => array_agg(jsonb_build_object('sync_id', n.sync_id) order by n.sync_id),
      p_keys     => array_agg(n.connection_id::text order by n.sync_id),
      p_tenants  => array_agg(n.user_id order by n.sync_id),
      p_run_at   => jobs.clock() + n.later
    )
    from (
      select y.user_id, y.sync_id, c.connection_id,
             make_interval(mins => t.pin_spread_minutes)
             * ((row_number() over (partition by y.user_id, y.shop_id order by y.sync_id) - 1)
               / (count(*) over (partition by y.user_id, y.shop_id))::double precision) as later
      from shops.syncs as y
      join shops.settings as t on t.user_id = y.user_id and t.shop_id = y.shop_id
      join shops.shop_connections as c
        on c.user_id = y.user_id and c.shop_id = y.shop_id and c.service = 'pinterest'
      where y.sync_id = any (v_sync_ids)
    ) as n
    group by n.later
    order by n.later;
  end if;

  -- A board that we have not seen may be new: the next run knows.
  perform shops.look(t.shop_id)
  from shops.platform_status as t
  where t.platform = 'pinterest' and t.obstacle = 'board_unknown';
  return next;
end;
$$;


--
-- Name: FUNCTION run_pins(p_run_id bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.run_pins(p_run_id bigint) IS 'The schedule pinterest_sync: pin unsynced products, the oldest first, up to the shop''s pin_limit a run and pin_daily_limit a day, at even distances over pin_spread_minutes. items = pins queued, skipped = shops without any, why = their reasons.';


--
-- Name: run_sales(bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.run_sales(p_run_id bigint) RETURNS TABLE(items integer, skipped integer, why text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_shop_ids uuid[];
begin
  with runs as (
    insert into shops.shop_runs (user_id, shop_id, job, run_id, status, skip_reason)
    select r.user_id, r.shop_id, 'sales_tracker', p_run_id,
           case when w.skip is null then 'running' else 'skipped' end, w.skip
    from shops.readiness as r
    cross join lateral (
      select case
        when not r.enabled then 'disabled'
        when not r.subscribed then 'no_subscription'
        when not r.shopify then 'not_connected'
        when exists (
          select
          from shops.order_passes as p
          where p.user_id = r.user_id and p.shop_id = r.shop_id and p.state = 'reading'
        ) then 'still_reading'
      end
    ) as w (skip)
    order by r.user_id, r.shop_id
    returning shop_id, skip_reason
  )
  select array_agg(r.shop_id) filter (where r.skip_reason is null),
         (count(*) filter (where r.skip_reason is not null))::integer,
         coalesce(
           shops._skipped(array_agg(r.skip_reason) filter (where r.skip_reason is not null)),
           case when count(*) = 0 then 'no_shops' end
         )
  into v_shop_ids, skipped, why
  from runs as r;

  items := shops._start_passes(p_run_id, v_shop_ids);
  return next;
end;
$$;


--
-- Name: FUNCTION run_sales(p_run_id bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.run_sales(p_run_id bigint) IS 'The schedule sales_tracker: read every shop''s new and changed orders, page by page. items = shops read, skipped = shops that are not, why = their reasons (disabled, no_subscription, not_connected, still_reading).';


--
-- Name: run_scaling(bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.run_scaling(p_run_id bigint) RETURNS TABLE(items integer, skipped integer, why text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
#variable_conflict use_column
declare
  v_ready uuid[];
  v_stale uuid[];
begin
  with runs as (
    insert into shops.shop_runs (user_id, shop_id, job, run_id, status, skip_reason)
    select r.user_id, r.shop_id, 'winner_scaling', p_run_id,
           case when w.skip in ('ready', 'stale') then 'running' else 'skipped' end,
           case when w.skip not in ('ready', 'stale') then w.skip end
    from shops.readiness as r
    join accounts.entitlements as e on e.user_id = r.user_id
    join shops.sales_days as d on d.user_id = r.user_id and d.shop_id = r.shop_id
    cross join lateral (
      select case
        when not r.enabled then 'disabled'
        when not r.subscribed then 'no_subscription'
        when not e.winner_scaling then 'no_winner_scaling'
        when not exists (
          select
          from shops.products as p
          where p.user_id = r.user_id and p.shop_id = r.shop_id
            and p.state in ('published', 'winner', 'loser')
        ) then 'nothing_on_sale'
        when d.fresh then 'ready'
        when exists (
          select
          from shops.order_passes as p
          where p.user_id = r.user_id and p.shop_id = r.shop_id and p.state = 'reading'
        ) then 'still_reading'
        when r.shopify then 'stale'
        else 'sales_not_known'
      end
    ) as w (skip)
    order by r.user_id, r.shop_id
    returning shop_id, status, skip_reason
  )
  select array_agg(r.shop_id) filter (where r.status = 'running' and d.fresh),
         array_agg(r.shop_id) filter (where r.status = 'running' and not d.fresh)
  into v_ready, v_stale
  from runs as r
  join shops.sales_days as d on d.shop_id = r.shop_id;

  -- West of the Atlantic yesterday ends after sales_tracker ran: read again, then decide.
  perform shops._start_passes(p_run_id, v_stale, p_then_scale => true);
  items := coalesce(shops._scale(p_run_id, v_ready), 0) + coalesce(cardinality(v_stale), 0);

  -- What was open and is there by now is done.
  update shops.scaling_intents as i
  set state = 'done', ended_at = jobs.clock()
  from shops.syncs as y
  where i.action = 'expand' and i.state = 'open'
    and y.user_id = i.user_id and y.product_id = i.product_id and y.platform = i.target
    and y.state = 'done';

  select (count(*) filter (where r.status = 'skipped'))::integer,
         coalesce(
           shops._skipped(array_agg(r.skip_reason) filter (where r.status = 'skipped')),
           case when count(*) = 0 then 'no_shops' end
         )
  into skipped, why
  from shops.shop_runs as r
  where r.run_id = p_run_id and r.job = 'winner_scaling';
  return next;
end;
$$;


--
-- Name: FUNCTION run_scaling(p_run_id bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.run_scaling(p_run_id bigint) IS 'The schedule winner_scaling: decide on winners and scale them, in every shop whose sales are known to the end of its yesterday; where they are not, orders are read first and the decision follows. items = decisions and shops still read, skipped = shops without either, why = their reasons (disabled, no_subscription, no_winner_scaling, nothing_on_sale, still_reading, sales_not_known, no_winners, already_decided).';


--
-- Name: set_budget(uuid, bigint); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.set_budget(p_user_id uuid, p_monthly bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not exists (select from accounts.entitlements as e where e.user_id = p_user_id) then
    raise exception using
      errcode = 'US002',
      message = 'No such user.',
      detail  = format('user_id=%s', p_user_id);
  end if;
  if p_monthly is null then
    delete from shops.budgets as b where b.user_id = p_user_id;
  else
    insert into shops.budgets (user_id, monthly)
    values (p_user_id, p_monthly)
    on conflict (user_id) do update set monthly = excluded.monthly;
  end if;
end;
$$;


--
-- Name: FUNCTION set_budget(p_user_id uuid, p_monthly bigint); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.set_budget(p_user_id uuid, p_monthly bigint) IS 'Let a user spend p_monthly micro-USD on AI in a UTC month (1,000,000 = 1 USD); null: what the plan allows. US002: no such user.';


--
-- Name: set_prompt(uuid, text, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.set_prompt(p_shop_id uuid, p_type text, p_body text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id    uuid := shops._owner(p_shop_id);
  v_version    integer;
  v_body       text;
  v_constraint text;
begin
  -- Versions are counted one after the other.
  perform from shops.shops as s where s.shop_id = p_shop_id for no key update;

  select p.version, p.body into v_version, v_body
  from shops.prompts as p
  where p.user_id = v_user_id and p.shop_id = p_shop_id and p.type = p_type
  order by p.version desc
  limit 1;
  if v_body = p_body then
    return v_version;
  end if;

  insert into shops.prompts (user_id, shop_id, type, version, body)
  values (v_user_id, p_shop_id, p_type, coalesce(v_version, 0) + 1, p_body)
  returning version into v_version;
  return v_version;
exception
  when check_violation or not_null_violation then
    get stacked diagnostics v_constraint = constraint_name;
    raise exception using
      errcode = 'SH007',
      message = 'A prompt cannot be like this.',
      detail  = format('type=%s: %s', p_type,
        coalesce(nullif(v_constraint, ''), 'a part of it is missing')),
      hint    = 'Give image, title or description, and a text of up to 4,000 characters with '
                '{niche} in it.';
end;
$$;


--
-- Name: FUNCTION set_prompt(p_shop_id uuid, p_type text, p_body text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.set_prompt(p_shop_id uuid, p_type text, p_body text) IS 'Give a shop a new prompt of a type and return its version; the text in use already gives its version again. Products keep the version they were planned with. SH001: no such shop. SH007: an unknown type, or a text without {niche} or too long.';


--
-- Name: set_winner_rules(uuid, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.set_winner_rules(p_shop_id uuid, p_rules jsonb) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id    uuid := shops._owner(p_shop_id);
  v_fixed      text[] := array['user_id', 'shop_id', 'version', 'created_at'];
  v_rules      shops.winner_rules;
  v_unknown    text;
  v_constraint text;
  v_said       text;
begin
  if jsonb_typeof(p_rules) is distinct from 'object' then
    raise exception using
      errcode = 'SH003',
      message = 'A setting has a value that is not allowed.',
      detail  = 'Rules are an object of names and values.',
      hint    = 'Like {"winner_rule": "posterior", "variations_per_winner": 2}.';
  end if;

  -- Two who change the rules take turns.
  perform from shops.shops as s
  where s.user_id = v_user_id and s.shop_id = p_shop_id
  for no key update;
  select r.* into v_rules
  from shops.winner_rules as r
  where r.user_id = v_user_id and r.shop_id = p_shop_id
  order by r.version desc
  limit 1;

  select string_agg(k.name, ', ' order by k.name) into v_unknown
  from jsonb_object_keys(p_rules) as k (name)
  where k.name = any (v_fixed) or not to_jsonb(v_rules) ? k.name;
  if v_unknown is not null then
    raise exception using
      errcode = 'SH004',
      message = 'No such setting.',
      detail  = v_unknown,
      hint    = format('There are %s.', (
        select string_agg(k.name, ', ' order by k.name)
        from jsonb_object_keys(to_jsonb(v_rules) - v_fixed) as k (name)
      ));
  end if;

  if to_jsonb(v_rules) @> p_rules then
    return v_rules.version;
  end if;
  begin
    v_rules := jsonb_populate_record(v_rules, p_rules);
    v_rules.version := v_rules.version + 1;
    v_rules.created_at := jobs.clock();
    insert into shops.winner_rules select v_rules.*;
  exception
    when data_exception or check_violation or not_null_violation then
      get stacked diagnostics v_constraint = constraint_name, v_said = message_text;
      raise exception using
        errcode = 'SH003',
        message = 'A setting has a value that is not allowed.',
        detail  = format('%s: %s', p_rules, coalesce(nullif(v_constraint, ''), v_said)),
        hint    = coalesce(
          (
            select obj_description(c.oid, 'pg_constraint')
            from pg_constraint as c
            where c.conrelid = 'shops.winner_rules'::regclass and c.conname = v_constraint
          ),
          '\d+ shops.winner_rules tells what each rule may be.'
        );
  end;
  return v_rules.version;
end;
$$;


--
-- Name: FUNCTION set_winner_rules(p_shop_id uuid, p_rules jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.set_winner_rules(p_shop_id uuid, p_rules jsonb) IS 'Change winner rules of a shop by name (columns of shops.winner_rules); what is not named stays. Returns the version that is in use then; earlier decisions keep theirs. SH001: no such shop. SH003: a value that is not allowed. SH004: no such setting.';


--
-- Name: settle_check_media(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_check_media(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_media jsonb;
  v_since timestamptz;
begin
  if p_result ->> 'state' <> 'done' then
    perform shops._fail_step('shops.check_media', p_payload, p_result);
    return null;
  end if;

  v_media := p_result #> '{answer,media,0}';
  case
    when v_media ->> 'status' = 'READY' and coalesce(v_media ->> 'url', '') <> '' then
      update shops.products as p
      set image_url = v_media ->> 'url'
      where p.product_id = (p_payload ->> 'product_id')::bigint and p.state = 'created';
      return null;
    when v_media ->> 'status' = 'FAILED' then
      return jsonb_build_object('give_up',
        format('The shop cannot use the picture: %s', v_media ->> 'errors'));
    else
      select p.state_since into v_since
      from shops.products as p
      where p.product_id = (p_payload ->> 'product_id')::bigint;
      if jobs.clock() > v_since + interval '1 hour' then
        return jsonb_build_object('give_up',
          'The shop did not get the picture ready within an hour.');
      end if;
      -- Soon at first, then ever less often: a quarter of the time that has passed.
      return jsonb_build_object(
        'snooze', least(60, greatest(0.5, extract(epoch from jobs.clock() - v_since) / 4)),
        'reason', 'The shop is still working on the picture.'
      );
  end case;
end;
$$;


--
-- Name: FUNCTION settle_check_media(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_check_media(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.check_media: keeps the picture''s public address once the shop has it ready, asks again while it works on it, for an hour at most.';


--
-- Name: settle_create_product(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_create_product(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_product record;
begin
  if p_result ->> 'state' <> 'done' then
    perform shops._fail_step('shops.create_product', p_payload, p_result);
    return null;
  end if;
  if coalesce(p_result #>> '{answer,product_gid}', '') = '' then
    return jsonb_build_object('later', null, 'reason', 'The answer names no product.');
  end if;

  update shops.products as p
  set state       = 'created',
      quota_state = 'used',
      product_gid = p_result #>> '{answer,product_gid}',
      variant_gid = p_result #>> '{answer,variant_gid}',
      handle      = coalesce(p_result #>> '{answer,handle}', p.handle),
      shop_status = p_result #>> '{answer,status}'
  where p.product_id = (p_payload ->> 'product_id')::bigint and p.state = 'uploaded'
  returning p.user_id, p.product_id, p.quota_month into v_product;
  if not found then
    return null;
  end if;

  update shops.quota_months as q
  set held = q.held - 1, used = q.used + 1
  where q.user_id = v_product.user_id and q.month = v_product.quota_month;
  perform shops._enqueue_step('shops.check_media', v_product.user_id, v_product.product_id);
  return null;
end;
$$;


--
-- Name: FUNCTION settle_create_product(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_create_product(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.create_product: the product exists, so its quota is used; then its picture is looked at.';


--
-- Name: settle_draw_design(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_draw_design(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_call       record;
  v_picture    bytea;
  v_media_type text;
begin
  select c.user_id, c.product_id, c.model, c.quality into v_call
  from shops.ai_calls as c
  where c.job_id = p_job_id and c.state = 'open';
  perform shops._settle_ai_call(p_job_id, p_result);

  if p_result ->> 'state' <> 'done' then
    perform shops._fail_step('shops.draw_design', p_payload, p_result);
    return null;
  end if;

  v_picture := shops._picture(p_result #>> '{answer,image_base64}');
  v_media_type := shops._media_type(v_picture);
  if v_media_type is null then
    return jsonb_build_object('later', null, 'reason', 'The answer is no picture.');
  end if;

  update shops.products as p
  set state = 'drawn'
  where p.user_id = v_call.user_id and p.product_id = v_call.product_id and p.state = 'planned';
  if not found then
    return null;
  end if;

  insert into shops.designs (user_id, product_id, picture, media_type, prompt, model, quality)
  values (
    v_call.user_id, v_call.product_id, v_picture, v_media_type,
    shops._prompt(v_call.user_id, v_call.product_id, 'image'), v_call.model, v_call.quality
  );
  perform shops._enqueue_step('shops.write_text', v_call.user_id, v_call.product_id);
  return null;
end;
$$;


--
-- Name: FUNCTION settle_draw_design(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_draw_design(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.draw_design: records the cost, keeps the picture and goes on to the text. An answer that is no PNG, JPEG or WebP is tried again.';


--
-- Name: settle_list_boards(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_list_boards(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_shop_id uuid := (p_payload ->> 'shop_id')::uuid;
begin
  if p_result ->> 'state' <> 'done' then
    return null;
  end if;
  if jsonb_typeof(p_result #> '{answer,boards}') is distinct from 'array' then
    return jsonb_build_object('later', null, 'reason', 'The answer has no list of boards.');
  end if;

  delete from shops.boards as b
  where b.user_id = (select s.user_id from shops.shops as s where s.shop_id = v_shop_id)
    and b.shop_id = v_shop_id;
  insert into shops.boards (user_id, shop_id, board_id, name)
  select s.user_id, s.shop_id, b.id, coalesce(b.name, b.id)
  from jsonb_to_recordset(p_result #> '{answer,boards}') as b (id text, name text)
  join shops.shops as s on s.shop_id = v_shop_id
  on conflict do nothing;
  return null;
end;
$$;


--
-- Name: FUNCTION settle_list_boards(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_list_boards(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.list_boards: shops.boards holds exactly what the connection saw.';


--
-- Name: settle_list_collections(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_list_collections(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_shop_id uuid := (p_payload ->> 'shop_id')::uuid;
begin
  if p_result ->> 'state' <> 'done' then
    return null;
  end if;
  if jsonb_typeof(p_result #> '{answer,collections}') is distinct from 'array' then
    return jsonb_build_object('later', null, 'reason', 'The answer has no list of collections.');
  end if;

  delete from shops.collections as c
  where c.user_id = (select s.user_id from shops.shops as s where s.shop_id = v_shop_id)
    and c.shop_id = v_shop_id;
  insert into shops.collections (user_id, shop_id, collection_gid, handle, title)
  select s.user_id, s.shop_id, c.gid, c.handle, c.title
  from jsonb_to_recordset(p_result #> '{answer,collections}')
    as c (gid text, handle text, title text)
  join shops.shops as s on s.shop_id = v_shop_id
  on conflict do nothing;
  return null;
end;
$$;


--
-- Name: FUNCTION settle_list_collections(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_list_collections(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.list_collections: shops.collections holds exactly what the shop has.';


--
-- Name: settle_optimise_product(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_optimise_product(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select shops._settle_text('shops.optimise_product', 'optimised', p_job_id, p_payload, p_result);
$$;


--
-- Name: FUNCTION settle_optimise_product(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_optimise_product(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.optimise_product: checks and keeps the better text, then puts it into the shop.';


--
-- Name: settle_pause_campaign(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_pause_campaign(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_state text := p_result ->> 'state';
begin
  if v_state = 'done' and p_result -> 'answer' ->> 'status' is distinct from 'PAUSED' then
    return jsonb_build_object('later', null, 'reason', 'Pinterest does not say that it is paused.');
  end if;

  with ended as (
    update shops.scaling_intents as i
    set state    = case v_state when 'done' then 'done' when 'skipped' then 'refused'
      else 'failed' end,
        reason   = case when v_state <> 'done'
          then left(coalesce(p_result ->> 'reason', v_state), 500) end,
        ended_at = jobs.clock()
    where i.intent_id = (p_payload ->> 'intent_id')::bigint and i.state = 'open'
    returning i.user_id, i.campaign_id, i.state
  )
  update shops.campaigns as k
  set paused_by = 'rule', paused_reason = 'Its product is no winner any more.'
  from ended as e
  where k.user_id = e.user_id and k.campaign_id = e.campaign_id and e.state = 'done'
    and k.paused_by is null;
  return null;
end;
$$;


--
-- Name: FUNCTION settle_pause_campaign(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_pause_campaign(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.pause_campaign: the campaign is paused by the rule, or the intent says why not.';


--
-- Name: settle_pin_product(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_pin_product(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_state text := p_result ->> 'state';
  v_sync  record;
begin
  if v_state = 'done' and coalesce(p_result #>> '{answer,pin_id}', '') = '' then
    return jsonb_build_object('later', null, 'reason', 'The answer names no pin.');
  end if;

  update shops.syncs as y
  set state       = case
        when v_state in ('done', 'skipped', 'unknown') then v_state
        when p_result ->> 'code' = 'spam' then 'failed'
        when f.attempts <= (
          select count(*) + 1
          from shops.syncs as e
          where e.user_id = y.user_id
            and e.product_id = y.product_id
            and e.platform = y.platform
            and e.state = 'failed'
        ) then 'given_up'
        else 'failed'
      end,
      external_id = p_result #>> '{answer,pin_id}',
      reason      = case when v_state <> 'done'
        then left(coalesce(p_result ->> 'reason', v_state), 500) end,
      ended_at    = jobs.clock()
  from shops.platforms as f
  where y.sync_id = (p_payload ->> 'sync_id')::bigint
    and y.state = 'queued'
    and f.platform = y.platform
  returning y.user_id, y.shop_id, y.platform into v_sync;

  if v_sync.user_id is not null and p_result ->> 'code' = 'spam' then
    insert into shops.platform_stops (user_id, shop_id, platform, reason)
    values (v_sync.user_id, v_sync.shop_id, v_sync.platform, left(p_result ->> 'reason', 500))
    on conflict do nothing;
  end if;
  return null;
end;
$$;


--
-- Name: FUNCTION settle_pin_product(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_pin_product(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.pin_product: done only with the provider''s id. A failed one may be tried by a later run, as often as platforms.attempts says; one called spam stops the shop on this platform until shops.resume_platform.';


--
-- Name: settle_publish_product(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_publish_product(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if p_result ->> 'state' <> 'done' then
    perform shops._fail_step('shops.publish_product', p_payload, p_result);
    return null;
  end if;
  if p_result #>> '{answer,status}' is distinct from 'ACTIVE'
     or coalesce((p_result #>> '{answer,published_to}')::integer, 0) = 0 then
    return jsonb_build_object('later', null, 'reason', 'The product is in no sales channel.');
  end if;

  update shops.products as p
  set state = 'published', shop_status = 'ACTIVE', published_at = jobs.clock()
  where p.product_id = (p_payload ->> 'product_id')::bigint and p.state = 'optimised';
  return null;
end;
$$;


--
-- Name: FUNCTION settle_publish_product(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_publish_product(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.publish_product: customers can buy it. Active but in no sales channel is not published.';


--
-- Name: settle_raise_budget(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_raise_budget(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_intent record;
begin
  select i.user_id, i.intent_id, i.campaign_id, i.to_budget, i.currency into v_intent
  from shops.scaling_intents as i
  where i.intent_id = (p_payload ->> 'intent_id')::bigint and i.state = 'open'
  for update;
  if not found then
    return null;
  end if;

  if p_result ->> 'state' = 'done'
    and p_result -> 'answer' ->> 'daily_spend_cap'
      is distinct from shops._micro(v_intent.to_budget, v_intent.currency)::text
  then
    return jsonb_build_object('later', null, 'reason',
      'Pinterest names another budget than was set.');
  end if;

  update shops.scaling_intents as i
  set state    = case p_result ->> 'state' when 'done' then 'done' when 'skipped' then 'refused'
    else 'failed' end,
      reason   = case when p_result ->> 'state' <> 'done'
        then left(coalesce(p_result ->> 'reason', p_result ->> 'state'), 500) end,
      ended_at = jobs.clock()
  where i.user_id = v_intent.user_id and i.intent_id = v_intent.intent_id;

  -- After an unknown end the cap may be the new one: the cool-down holds, and the budget counts as
  -- raised.
  if p_result ->> 'state' in ('done', 'unknown') then
    update shops.campaigns as k
    set daily_budget = v_intent.to_budget, raised_at = jobs.clock()
    where k.user_id = v_intent.user_id and k.campaign_id = v_intent.campaign_id;
  end if;
  return null;
end;
$$;


--
-- Name: FUNCTION settle_raise_budget(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_raise_budget(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.raise_budget: the campaign has its new budget, or the intent says why not.';


--
-- Name: settle_read_orders(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_read_orders(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_answer  jsonb := p_result -> 'answer';
  v_cursor  text := v_answer ->> 'end_cursor';
  v_pass    record;
  v_problem text;
begin
  select p.user_id, p.pass_id, p.shop_id, p.run_id, p.then_scale, p.started_at into v_pass
  from shops.order_passes as p
  where p.pass_id = (p_payload ->> 'pass_id')::bigint and p.state = 'reading'
  for update;
  if not found then
    return null;
  end if;

  if p_result ->> 'state' <> 'done' then
    perform shops._end_pass(
      v_pass.user_id, v_pass.pass_id, 'failed',
        coalesce(p_result ->> 'reason', p_result ->> 'state')
    );
    return null;
  end if;

  v_problem := coalesce(
    shops._orders_problem(v_answer -> 'orders'),
    case
      when jsonb_typeof(v_answer -> 'has_next') is distinct from 'boolean'
        then 'nobody knows whether a page follows'
      when (v_answer ->> 'has_next')::boolean and coalesce(v_cursor, '') = ''
        then 'no cursor for the next page'
      when (v_answer ->> 'has_next')::boolean and v_cursor = p_payload ->> 'after'
        then 'the cursor does not move'
    end
  );
  if v_problem is not null then
    return jsonb_build_object('later', null, 'reason', v_problem);
  end if;

  perform shops._store_orders(v_pass.user_id, v_pass.shop_id, 'shop', v_answer -> 'orders');
  update shops.order_passes as p
  set pages  = p.pages + 1,
      orders = p.orders + jsonb_array_length(v_answer -> 'orders')
  where p.user_id = v_pass.user_id and p.pass_id = v_pass.pass_id;

  if (v_answer ->> 'has_next')::boolean then
    perform jobs.enqueue(
      p_kind    => 'shops.read_orders',
      p_payload => jsonb_build_object('pass_id', v_pass.pass_id, 'after', v_cursor),
      p_key     => c.connection_id::text,
      p_tenant  => v_pass.user_id
    )
    from shops.shop_connections as c
    where c.user_id = v_pass.user_id and c.shop_id = v_pass.shop_id and c.service = 'shopify';
    if not found then
      perform shops._end_pass(v_pass.user_id, v_pass.pass_id, 'failed', 'not_connected');
    end if;
    return null;
  end if;

  perform shops._end_pass(v_pass.user_id, v_pass.pass_id, 'complete');
  if v_pass.then_scale then
    perform shops._scale(v_pass.run_id, array[v_pass.shop_id]);
  end if;
  return null;
end;
$$;


--
-- Name: FUNCTION settle_read_orders(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_read_orders(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.read_orders: keeps the orders of the page, asks for the next one, and after the last one moves the shop''s cursor. An answer that is not whole is asked for again; a page that gives up fails the pass, and the cursor stays.';


--
-- Name: settle_update_product(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_update_product(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_product record;
begin
  if p_result ->> 'state' <> 'done' then
    perform shops._fail_step('shops.update_product', p_payload, p_result);
    return null;
  end if;

  update shops.products as p
  set state               = 'optimised',
      optimization_status = 'optimized',
      shop_status         = coalesce(p_result #>> '{answer,status}', p.shop_status)
  from shops.settings as t
  where p.product_id = (p_payload ->> 'product_id')::bigint
    and p.state = 'created'
    and t.user_id = p.user_id
    and t.shop_id = p.shop_id
  returning p.user_id, p.product_id, t.auto_publish into v_product;
  if v_product.auto_publish then
    perform shops._enqueue_step('shops.publish_product', v_product.user_id, v_product.product_id);
  end if;
  return null;
end;
$$;


--
-- Name: FUNCTION settle_update_product(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_update_product(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.update_product: the product is optimised, and published if its shop says so.';


--
-- Name: settle_upload_design(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_upload_design(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_user_id    uuid;
  v_product_id bigint := (p_payload ->> 'product_id')::bigint;
begin
  if p_result ->> 'state' <> 'done' then
    perform shops._fail_step('shops.upload_design', p_payload, p_result);
    return null;
  end if;
  if coalesce(p_result #>> '{answer,resource_url}', '') = '' then
    return jsonb_build_object('later', null, 'reason', 'The answer names no address.');
  end if;

  update shops.products as p
  set state = 'uploaded', resource_url = p_result #>> '{answer,resource_url}'
  where p.product_id = v_product_id and p.state = 'written'
  returning p.user_id into v_user_id;
  perform shops._enqueue_step('shops.create_product', v_user_id, v_product_id);
  return null;
end;
$$;


--
-- Name: FUNCTION settle_upload_design(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_upload_design(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.upload_design: keeps where the design is, then creates the product.';


--
-- Name: settle_write_text(bigint, jsonb, jsonb); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.settle_write_text(p_job_id bigint, p_payload jsonb, p_result jsonb) RETURNS jsonb
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
  select shops._settle_text('shops.write_text', 'written', p_job_id, p_payload, p_result);
$$;


--
-- Name: FUNCTION settle_write_text(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.settle_write_text(p_job_id bigint, p_payload jsonb, p_result jsonb) IS 'Settles shops.write_text: checks and keeps title, description and tags, then uploads the design.';


--
-- Name: stop_intent(bigint, text); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.stop_intent(p_intent_id bigint, p_reason text DEFAULT 'stopped by a person'::text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_intent  record;
  v_stopped integer := 1;
begin
  select i.user_id, i.product_id, i.action, i.state into v_intent
  from shops.scaling_intents as i
  where i.intent_id = p_intent_id
  for update;
  if not found then
    raise exception using
      errcode = 'SH021',
      message = 'No such intent.',
      detail  = format('intent_id=%s', p_intent_id),
      hint    = 'select intent_id, action, state from shops.scaling_intents;';
  end if;

  if v_intent.action = 'variations' and v_intent.state = 'done' then
    -- Designs that are not in the shop yet are not made; their end gives the quota back.
    select count(jobs.cancel(a.job_id, p_reason)) into v_stopped
    from shops.products as p
    join jobs.active as a
      on a.tenant = p.user_id and a.payload ->> 'product_id' = p.product_id::text
    join shops.steps as t on t.kind = a.kind
    where p.user_id = v_intent.user_id and p.parent_product_id = v_intent.product_id
      and p.quota_state = 'held';
  elsif v_intent.state <> 'open' then
    return 0;
  end if;

  update shops.scaling_intents as i
  set state = 'stopped', reason = p_reason, ended_at = jobs.clock()
  where i.user_id = v_intent.user_id and i.intent_id = p_intent_id;
  return v_stopped;
end;
$$;


--
-- Name: FUNCTION stop_intent(p_intent_id bigint, p_reason text); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.stop_intent(p_intent_id bigint, p_reason text) IS 'Stop what is done about a winner: a raise or an expansion that is still open does not happen; variations that are not in the shop yet are not made, and their quota goes back. Returns how many steps were stopped; 0: it was over already. SH021: no such intent.';


--
-- Name: tg_product_births(); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.tg_product_births() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_wrong text;
begin
  select format('product_id=%s origin=%s state=%s', n.product_id, n.origin, n.state) into v_wrong
  from born as n
  join shops.product_states as s on s.state = n.state
  where n.origin <> all (s.starts)
  limit 1;
  if v_wrong is not null then
    raise exception using
      errcode = 'SH010',
      message = 'A product may not make this move.',
      detail  = v_wrong,
      hint    = 'select state, starts from shops.product_states;';
  end if;
  return null;
end;
$$;


--
-- Name: FUNCTION tg_product_births(); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.tg_product_births() IS 'Refuses products that begin in a state in which their origin does not begin (SH010).';


--
-- Name: tg_product_moves(); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.tg_product_moves() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  if not exists (
    select from shops.product_moves as m where m.from_state = old.state and m.to_state = new.state
  ) then
    raise exception using
      errcode = 'SH010',
      message = 'A product may not make this move.',
      detail  = format('product_id=%s from=%s to=%s', old.product_id, old.state, new.state),
      hint    = format('select to_state from shops.product_moves where from_state = %L;',
        old.state);
  end if;
  new.state_since := jobs.clock();
  return new;
end;
$$;


--
-- Name: FUNCTION tg_product_moves(); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.tg_product_moves() IS 'Lets a product make only the moves of shops.product_moves (SH010), and notes when.';


--
-- Name: tg_shop_births(); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.tg_shop_births() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
begin
  insert into shops.winner_rules (user_id, shop_id, version)
  select b.user_id, b.shop_id, 1
  from born as b;
  return null;
end;
$$;


--
-- Name: FUNCTION tg_shop_births(); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.tg_shop_births() IS 'Gives new shops the first version of their winner rules: the defaults.';


--
-- Name: units_needed(double precision, double precision, double precision, integer, double precision); Type: FUNCTION; Schema: shops; Owner: -
--

CREATE FUNCTION shops.units_needed(p_certainty double precision, p_weekly_units double precision, p_weeks double precision, p_prior_shape integer DEFAULT 1, p_prior_weekly_units double precision DEFAULT 1.5) RETURNS bigint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
declare
  v_units bigint := 0;
begin
  while p_certainty > shops.probability_above(
    p_weekly_units, v_units, p_weeks, p_prior_shape, p_prior_weekly_units
  ) loop
    v_units := v_units + 1;
  end loop;
  return v_units;
end;
$$;


--
-- Name: FUNCTION units_needed(p_certainty double precision, p_weekly_units double precision, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision); Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON FUNCTION shops.units_needed(p_certainty double precision, p_weekly_units double precision, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) IS 'The fewest units in p_weeks after which shops.probability_above reaches p_certainty, which is below 1.';


--
-- Name: connections; Type: TABLE; Schema: accounts; Owner: -
--

CREATE TABLE accounts.connections (
    user_id uuid NOT NULL,
    connection_id uuid DEFAULT gen_random_uuid() NOT NULL,
    service text NOT NULL,
    account text NOT NULL,
    base_url text,
    client_id text,
    state text DEFAULT 'pending'::text NOT NULL,
    scopes text[],
    expires_at timestamp with time zone,
    refresh_expires_at timestamp with time zone,
    refresh_job_id bigint,
    refresh_until timestamp with time zone,
    last_good_call_at timestamp with time zone,
    last_error text,
    last_error_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT connections_account_is_not_blank CHECK ((account ~ '\S'::text)),
    CONSTRAINT connections_base_url_is_an_address CHECK ((base_url ~ '^https?://[^\s/]+'::text)),
    CONSTRAINT connections_last_error_is_short CHECK ((length(last_error) <= 500)),
    CONSTRAINT connections_refresh_mark_has_an_end CHECK (((refresh_job_id IS NULL) = (refresh_until IS NULL))),
    CONSTRAINT connections_state_is_known CHECK ((state = ANY (ARRAY['pending'::text, 'connected'::text, 'expired'::text, 'revoked'::text])))
);

ALTER TABLE ONLY accounts.connections FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE connections; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON TABLE accounts.connections IS 'A user''s account at an outside service. Its tokens are in accounts.secrets; people read accounts.connections_status.';


--
-- Name: COLUMN connections.account; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.connections.account IS 'The service''s own name of the account: the shop domain, the Pinterest user.';


--
-- Name: COLUMN connections.base_url; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.connections.base_url IS 'Replaces that of accounts.services; {account} works here too.';


--
-- Name: COLUMN connections.client_id; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.connections.client_id IS 'The OAuth app''s public id, where renewal needs one.';


--
-- Name: COLUMN connections.state; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.connections.state IS 'pending: no access token yet. connected: has one. expired: the service refuses it and only a person can renew it. revoked: disconnected by a person.';


--
-- Name: COLUMN connections.scopes; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.connections.scopes IS 'What the service has granted; null = it has not said.';


--
-- Name: COLUMN connections.expires_at; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.connections.expires_at IS 'End of the access token; null = it does not run out.';


--
-- Name: COLUMN connections.refresh_job_id; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.connections.refresh_job_id IS 'The one job that may be renewing the tokens now, until refresh_until.';


--
-- Name: services; Type: TABLE; Schema: accounts; Owner: -
--

CREATE TABLE accounts.services (
    service text NOT NULL,
    base_url text NOT NULL,
    api_version text,
    account_pattern text NOT NULL,
    needed_scopes text[] NOT NULL,
    check_kind text NOT NULL,
    refresh_kind text,
    refresh_with text,
    refresh_before interval,
    alert_before interval NOT NULL,
    CONSTRAINT services_refresh_is_all_or_nothing CHECK ((((refresh_kind IS NULL) = (refresh_with IS NULL)) AND ((refresh_kind IS NULL) = (refresh_before IS NULL)))),
    CONSTRAINT services_refresh_with_is_known CHECK ((refresh_with = ANY (ARRAY['refresh'::text, 'client_secret'::text])))
);


--
-- Name: TABLE services; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON TABLE accounts.services IS 'The outside services that can be connected, with the version of their API that is spoken.';


--
-- Name: COLUMN services.base_url; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.services.base_url IS 'Where calls go; {account} stands for the connection''s account. A connection may name its own.';


--
-- Name: COLUMN services.account_pattern; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.services.account_pattern IS 'What an account must look like before it may become part of an address.';


--
-- Name: COLUMN services.needed_scopes; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.services.needed_scopes IS 'Scopes that our calls need; accounts.connections_status shows which of them a connection lacks.';


--
-- Name: COLUMN services.check_kind; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.services.check_kind IS 'Kind of the job that tests a connection.';


--
-- Name: COLUMN services.refresh_kind; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.services.refresh_kind IS 'Kind of the job that renews the access token; null = the token does not run out.';


--
-- Name: COLUMN services.refresh_with; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.services.refresh_with IS 'The secret a renewal needs.';


--
-- Name: COLUMN services.refresh_before; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.services.refresh_before IS 'A token is renewed when it has less than this to live.';


--
-- Name: COLUMN services.alert_before; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.services.alert_before IS 'A refresh token with less than this to live raises an alert.';


--
-- Name: users; Type: TABLE; Schema: accounts; Owner: -
--

CREATE TABLE accounts.users (
    user_id uuid DEFAULT gen_random_uuid() NOT NULL,
    email text NOT NULL,
    name text,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT users_email_is_an_address CHECK ((email ~ '^[^@\s]+@[^@\s]+$'::text)),
    CONSTRAINT users_email_is_in_lower_case CHECK ((email = lower(email)))
);

ALTER TABLE ONLY accounts.users FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE users; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON TABLE accounts.users IS 'The tenants. Every table that belongs to one leads its keys with user_id.';


--
-- Name: COLUMN users.user_id; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.users.user_id IS 'Equals the "sub" of the caller''s verified token; see accounts.current_user_id.';


--
-- Name: connections_status; Type: VIEW; Schema: accounts; Owner: -
--

CREATE VIEW accounts.connections_status WITH (security_invoker='true') AS
 SELECT c.user_id,
    u.email,
    c.connection_id,
    c.service,
    c.account,
    t.state,
        CASE
            WHEN (t.state = 'revoked'::text) THEN 'Disconnected: store a token to connect it again.'::text
            WHEN (t.state = 'pending'::text) THEN 'It has no access token yet.'::text
            WHEN (c.state = 'expired'::text) THEN 'The token is no longer good: connect it again.'::text
            WHEN (t.state = 'expired'::text) THEN 'The access token has run out and was not renewed.'::text
            WHEN (t.missing_scopes <> '{}'::text[]) THEN format('Scopes are missing: %s.'::text, array_to_string(t.missing_scopes, ', '::text))
            WHEN (c.refresh_expires_at <= (jobs.clock() + s.alert_before)) THEN format('The refresh token ends on %s: connect it again before.'::text, to_char((c.refresh_expires_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD'::text))
            WHEN t.failing THEN 'The last call failed: see last_error.'::text
            ELSE NULL::text
        END AS alert,
    c.scopes,
    t.missing_scopes,
    c.expires_at,
    c.refresh_expires_at,
    c.last_good_call_at,
    c.last_error,
    c.last_error_at,
    c.created_at
   FROM (((accounts.connections c
     JOIN accounts.users u ON ((u.user_id = c.user_id)))
     JOIN accounts.services s ON ((s.service = c.service)))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN ((c.state = 'connected'::text) AND (c.expires_at <= jobs.clock())) THEN 'expired'::text
                    ELSE c.state
                END AS state,
            ARRAY( SELECT n.scope
                   FROM unnest(s.needed_scopes) WITH ORDINALITY n(scope, place)
                  WHERE ((c.scopes IS NOT NULL) AND (n.scope <> ALL (c.scopes)))
                  ORDER BY n.place) AS "array",
            COALESCE((c.last_error_at > c.last_good_call_at), (c.last_error_at IS NOT NULL)) AS "coalesce") t(state, missing_scopes, failing));


--
-- Name: VIEW connections_status; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON VIEW accounts.connections_status IS 'Every connection and what, if anything, is wrong with it; no secret.';


--
-- Name: COLUMN connections_status.state; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.connections_status.state IS 'As in accounts.connections; a token whose time has run out shows as expired.';


--
-- Name: COLUMN connections_status.alert; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.connections_status.alert IS 'What a person should do about it, the worst first; null = all is well.';


--
-- Name: COLUMN connections_status.scopes; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.connections_status.scopes IS 'What the service has granted; null = it has not said.';


--
-- Name: COLUMN connections_status.missing_scopes; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.connections_status.missing_scopes IS 'Needed scopes that were not granted; empty while it is not known what was.';


--
-- Name: COLUMN connections_status.last_good_call_at; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.connections_status.last_good_call_at IS 'To the minute.';


--
-- Name: plans; Type: TABLE; Schema: accounts; Owner: -
--

CREATE TABLE accounts.plans (
    plan text NOT NULL,
    products_per_month bigint,
    niches bigint,
    winner_scaling boolean NOT NULL,
    advanced_analytics boolean NOT NULL,
    platforms text[],
    price bigint NOT NULL,
    currency text NOT NULL,
    CONSTRAINT plans_currency_has_three_letters CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT plans_niches_are_not_negative CHECK ((niches >= 0)),
    CONSTRAINT plans_price_is_not_negative CHECK ((price >= 0)),
    CONSTRAINT plans_products_are_not_negative CHECK ((products_per_month >= 0))
);


--
-- Name: TABLE plans; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON TABLE accounts.plans IS 'What each tier may do and costs. A new tier or another limit is a row here, nothing else.';


--
-- Name: COLUMN plans.products_per_month; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.plans.products_per_month IS 'Products that may be made in a UTC calendar month, all shops of the user together; null = unlimited.';


--
-- Name: COLUMN plans.niches; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.plans.niches IS 'Active niches, all shops together; null = unlimited.';


--
-- Name: COLUMN plans.platforms; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.plans.platforms IS 'Platforms that may be used; null = all.';


--
-- Name: COLUMN plans.price; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.plans.price IS 'Price of a month in minor units: 20000 EUR is 200.00 EUR.';


--
-- Name: subscriptions; Type: TABLE; Schema: accounts; Owner: -
--

CREATE TABLE accounts.subscriptions (
    user_id uuid NOT NULL,
    subscription_id bigint NOT NULL,
    plan text NOT NULL,
    state text NOT NULL,
    period_start timestamp with time zone NOT NULL,
    period_end timestamp with time zone,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT subscriptions_canceled_ones_have_ended CHECK (((state = 'canceled'::text) = (ended_at IS NOT NULL))),
    CONSTRAINT subscriptions_period_ends_after_it_starts CHECK ((period_end > period_start)),
    CONSTRAINT subscriptions_state_is_known CHECK ((state = ANY (ARRAY['trialing'::text, 'active'::text, 'past_due'::text, 'canceled'::text])))
);

ALTER TABLE ONLY accounts.subscriptions FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE subscriptions; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON TABLE accounts.subscriptions IS 'What a user has subscribed to, past and present: at most one that is not canceled. Moves only through accounts.subscribe.';


--
-- Name: COLUMN subscriptions.plan; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.subscriptions.plan IS 'The tier as it was sold. No foreign key: a payment provider may name one that accounts.plans does not (yet) know, and accounts.entitlements then grants basis.';


--
-- Name: COLUMN subscriptions.period_end; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.subscriptions.period_end IS 'End of the paid or trial period; null = open.';


--
-- Name: entitlements; Type: VIEW; Schema: accounts; Owner: -
--

CREATE VIEW accounts.entitlements WITH (security_invoker='true') AS
 SELECT u.user_id,
    COALESCE(p.plan, 'basis'::text) AS plan,
    a.active,
        CASE
            WHEN a.active THEN p.products_per_month
            ELSE (0)::bigint
        END AS products_per_month,
        CASE
            WHEN a.active THEN p.niches
            ELSE (0)::bigint
        END AS niches,
    (a.active AND p.winner_scaling) AS winner_scaling,
    (a.active AND p.advanced_analytics) AS advanced_analytics,
        CASE
            WHEN a.active THEN p.platforms
            ELSE ARRAY[]::text[]
        END AS platforms,
        CASE
            WHEN (s.subscription_id IS NULL) THEN 'There is no subscription.'::text
            WHEN (p.plan IS NULL) THEN 'accounts.plans has no row basis to fall back to.'::text
            WHEN (s.state = 'canceled'::text) THEN format('The %s subscription was canceled on %s.'::text, s.plan, t.ended_on)
            WHEN (s.state = 'past_due'::text) THEN format('The payment for the %s subscription is past due.'::text, s.plan)
            WHEN (s.period_start > jobs.clock()) THEN format('The %s subscription starts on %s.'::text, s.plan, t.starts_on)
            WHEN (s.period_end <= jobs.clock()) THEN format('The period of the %s subscription ended on %s.'::text, s.plan, t.ends_on)
            WHEN (p.plan <> s.plan) THEN format('The plan %s is not known: what basis may do is granted.'::text, s.plan)
            ELSE format('The %s subscription is %s%s.'::text, s.plan, s.state, (' until '::text || t.ends_on))
        END AS why
   FROM ((((accounts.users u
     LEFT JOIN LATERAL ( SELECT b.subscription_id,
            b.plan,
            b.state,
            b.period_start,
            b.period_end,
            b.ended_at
           FROM accounts.subscriptions b
          WHERE (b.user_id = u.user_id)
          ORDER BY (b.state <> 'canceled'::text) DESC, b.subscription_id DESC
         LIMIT 1) s ON (true))
     LEFT JOIN LATERAL ( SELECT k.plan,
            k.products_per_month,
            k.niches,
            k.winner_scaling,
            k.advanced_analytics,
            k.platforms
           FROM accounts.plans k
          WHERE (k.plan = ANY (ARRAY[s.plan, 'basis'::text]))
          ORDER BY (k.plan = s.plan) DESC NULLS LAST
         LIMIT 1) p ON (true))
     CROSS JOIN LATERAL ( SELECT COALESCE(((p.plan IS NOT NULL) AND (s.state = ANY (ARRAY['active'::text, 'trialing'::text])) AND (s.period_start <= jobs.clock()) AND ((s.period_end IS NULL) OR (s.period_end > jobs.clock()))), false) AS "coalesce") a(active))
     CROSS JOIN LATERAL ( SELECT to_char((s.period_start AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD'::text) AS to_char,
            to_char((s.period_end AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD'::text) AS to_char,
            to_char((s.ended_at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD'::text) AS to_char) t(starts_on, ends_on, ended_on));


--
-- Name: VIEW entitlements; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON VIEW accounts.entitlements IS 'What each user may do now, one row a user, and why. Whoever has no subscription that is active or trialing, within its period, may do nothing: active is false, the limits are 0. A plan that accounts.plans does not know counts as basis.';


--
-- Name: COLUMN entitlements.products_per_month; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.entitlements.products_per_month IS 'Products in a UTC calendar month, all shops together; null = unlimited.';


--
-- Name: COLUMN entitlements.niches; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.entitlements.niches IS 'Active niches, all shops together; null = unlimited.';


--
-- Name: COLUMN entitlements.platforms; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.entitlements.platforms IS 'Platforms that may be used; null = all.';


--
-- Name: COLUMN entitlements.why; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.entitlements.why IS 'The reason in one sentence; dates are UTC. Never null.';


--
-- Name: secrets; Type: TABLE; Schema: accounts; Owner: -
--

CREATE TABLE accounts.secrets (
    user_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    field text NOT NULL,
    sealed text NOT NULL,
    key_id text GENERATED ALWAYS AS (split_part(sealed, '.'::text, 2)) STORED NOT NULL,
    stored_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT secrets_are_never_plain_text CHECK ((sealed ~ '^v1\.[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9+/_-]{38,}={0,2}$'::text)),
    CONSTRAINT secrets_field_is_known CHECK ((field = ANY (ARRAY['access'::text, 'refresh'::text, 'client_secret'::text])))
);

ALTER TABLE ONLY accounts.secrets FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE secrets; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON TABLE accounts.secrets IS 'The sealed tokens of connections, one a row. Only accounts.credentials and the rotation give them out, to workers.';


--
-- Name: COLUMN secrets.sealed; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.secrets.sealed IS 'v1.<key id>.<base64>, made by workers/seal.py for this connection and field; the key is never in the database.';


--
-- Name: COLUMN secrets.key_id; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.secrets.key_id IS 'Which of AUTOM_SECRET_KEYS sealed it; see accounts.keys_in_use.';


--
-- Name: COLUMN secrets.stored_at; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON COLUMN accounts.secrets.stored_at IS 'When this token came; sealing it again with another key does not change it.';


--
-- Name: keys_in_use; Type: VIEW; Schema: accounts; Owner: -
--

CREATE VIEW accounts.keys_in_use WITH (security_invoker='true') AS
 SELECT s.key_id,
    count(*) AS secrets,
    min(s.stored_at) AS oldest,
    max(s.stored_at) AS newest
   FROM accounts.secrets s
  GROUP BY s.key_id;


--
-- Name: VIEW keys_in_use; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON VIEW accounts.keys_in_use IS 'Which keys of AUTOM_SECRET_KEYS sealed how many secrets. A key that is not here may be taken out of the setting.';


--
-- Name: overview; Type: VIEW; Schema: accounts; Owner: -
--

CREATE VIEW accounts.overview WITH (security_invoker='true') AS
 SELECT u.user_id,
    u.email,
    u.name,
    e.plan,
    e.active,
    e.why,
    COALESCE(n.connections, 0) AS connections,
    COALESCE(n.alerts, 0) AS alerts,
    u.created_at
   FROM ((accounts.users u
     JOIN accounts.entitlements e ON ((e.user_id = u.user_id)))
     LEFT JOIN ( SELECT c.user_id,
            (count(*))::integer AS connections,
            (count(c.alert))::integer AS alerts
           FROM accounts.connections_status c
          WHERE (c.state <> 'revoked'::text)
          GROUP BY c.user_id) n ON ((n.user_id = u.user_id)));


--
-- Name: VIEW overview; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON VIEW accounts.overview IS 'The users: who they are, what they may do and why, how many connections they have and how many of those need a person.';


--
-- Name: refresh_due; Type: VIEW; Schema: accounts; Owner: -
--

CREATE VIEW accounts.refresh_due WITH (security_invoker='true') AS
 SELECT c.user_id,
    c.connection_id,
    c.service,
    c.account,
    s.refresh_kind,
    c.expires_at
   FROM ((accounts.connections c
     JOIN accounts.services s ON ((s.service = c.service)))
     JOIN accounts.secrets w ON (((w.user_id = c.user_id) AND (w.connection_id = c.connection_id) AND (w.field = s.refresh_with))))
  WHERE ((c.state = ANY (ARRAY['pending'::text, 'connected'::text])) AND ((c.state = 'pending'::text) OR (c.expires_at <= (jobs.clock() + s.refresh_before)) OR ((c.expires_at IS NULL) AND (s.refresh_with = 'refresh'::text))) AND ((c.refresh_until IS NULL) OR (c.refresh_until <= jobs.clock())));


--
-- Name: VIEW refresh_due; Type: COMMENT; Schema: accounts; Owner: -
--

COMMENT ON VIEW accounts.refresh_due IS 'Connections whose access token is missing, near its end (accounts.services.refresh_before) or of unknown end beside a refresh token, that have what a renewal needs, and that nobody renews now.';


--
-- Name: subscriptions_subscription_id_seq; Type: SEQUENCE; Schema: accounts; Owner: -
--

ALTER TABLE accounts.subscriptions ALTER COLUMN subscription_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME accounts.subscriptions_subscription_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: alembic_version; Type: TABLE; Schema: autom; Owner: -
--

CREATE TABLE autom.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: code; Type: TABLE; Schema: autom; Owner: -
--

CREATE TABLE autom.code (
    only_row boolean DEFAULT true NOT NULL,
    digest text NOT NULL,
    CONSTRAINT code_is_one_row CHECK (only_row)
);


--
-- Name: TABLE code; Type: COMMENT; Schema: autom; Owner: -
--

COMMENT ON TABLE autom.code IS 'The checksum over the files of functions, views and policies that were applied last.';


--
-- Name: jobs; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.jobs (
    job_id bigint NOT NULL,
    run_id bigint,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    tenant uuid,
    priority smallint NOT NULL,
    kind text NOT NULL,
    queue text NOT NULL,
    key text NOT NULL,
    unique_key text,
    payload jsonb NOT NULL
)
PARTITION BY RANGE (job_id);


--
-- Name: TABLE jobs; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.jobs IS 'What each job is. Written once; only a replacing enqueue changes a job that still waits.';


--
-- Name: COLUMN jobs.job_id; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.jobs.job_id IS 'Date and number: 261120000000042 is number 42, made on 2026-11-20 (UTC).';


--
-- Name: COLUMN jobs.run_id; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.jobs.run_id IS 'The run it belongs to; null if it was enqueued outside of one.';


--
-- Name: COLUMN jobs.tenant; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.jobs.tenant IS 'The user it works for; null is the house itself.';


--
-- Name: COLUMN jobs.key; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.jobs.key IS 'What limits and fairness are counted by; empty has none.';


--
-- Name: parked; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.parked (
    job_id bigint NOT NULL,
    run_id bigint,
    parked_at timestamp with time zone NOT NULL,
    run_at timestamp with time zone,
    run_no integer NOT NULL,
    failures smallint NOT NULL,
    priority smallint NOT NULL,
    is_unique boolean NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    why text NOT NULL
);


--
-- Name: TABLE parked; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.parked IS 'Jobs that wait for something other than time. No claim looks here.';


--
-- Name: COLUMN parked.run_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.parked.run_at IS 'Not before, once the wait is over; null at once.';


--
-- Name: progress; Type: TABLE; Schema: jobs; Owner: -
--

CREATE UNLOGGED TABLE jobs.progress (
    job_id bigint NOT NULL,
    run_no integer NOT NULL,
    percent double precision,
    note text,
    CONSTRAINT progress_is_a_share CHECK (((percent >= (0)::double precision) AND (percent <= (100)::double precision)))
)
WITH (fillfactor='50');


--
-- Name: TABLE progress; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.progress IS 'How far running jobs are, as their workers last said with their heartbeat. Not in the write-ahead log: after a crash of the server they say it again.';


--
-- Name: ready; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.ready (
    seq bigint NOT NULL,
    job_id bigint NOT NULL,
    run_id bigint,
    ready_at timestamp with time zone NOT NULL,
    run_no integer NOT NULL,
    failures smallint NOT NULL,
    priority smallint NOT NULL,
    is_unique boolean NOT NULL,
    queue text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='2000', autovacuum_vacuum_cost_delay='0');


--
-- Name: TABLE ready; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.ready IS 'Jobs that may be claimed.';


--
-- Name: COLUMN ready.seq; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.ready.seq IS 'Place in line within queue, priority and key. Who comes back joins at the end.';


--
-- Name: COLUMN ready.run_no; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.ready.run_no IS 'Number of the last run; 0 before the first.';


--
-- Name: COLUMN ready.failures; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.ready.failures IS 'Runs that failed or crashed so far.';


--
-- Name: COLUMN ready.is_unique; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.ready.is_unique IS 'It holds a row of jobs.unique_keys.';


--
-- Name: scheduled; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.scheduled (
    job_id bigint NOT NULL,
    run_id bigint,
    run_at timestamp with time zone NOT NULL,
    run_no integer NOT NULL,
    failures smallint NOT NULL,
    priority smallint NOT NULL,
    is_unique boolean NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    why text
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='2000', autovacuum_vacuum_cost_delay='0');


--
-- Name: TABLE scheduled; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.scheduled IS 'Jobs whose time has not come: delayed, snoozed, or waiting for the next attempt.';


--
-- Name: COLUMN scheduled.why; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.scheduled.why IS 'Why it waits; null if it was enqueued for later.';


--
-- Name: active; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.active AS
 SELECT u.job_id,
    u.kind,
    u.state,
    u.queue,
    u.key,
    j.tenant,
    u.priority,
    u.failures,
    k.max_attempts,
    u.since,
    (jobs.clock() - u.since) AS age,
    u.worker_id,
    u.why,
    j.run_id,
    j.payload,
    g.percent,
    g.note
   FROM (((( SELECT r.job_id,
            r.kind,
            'ready'::text AS state,
            r.queue,
            r.key,
            r.priority,
            r.failures,
            r.ready_at AS since,
            NULL::integer AS worker_id,
            NULL::text AS why,
            NULL::integer AS run_no
           FROM jobs.ready r
        UNION ALL
         SELECT s.job_id,
            s.kind,
            'scheduled'::text,
            s.queue,
            s.key,
            s.priority,
            s.failures,
            s.run_at,
            NULL::integer,
            s.why,
            NULL::integer
           FROM jobs.scheduled s
        UNION ALL
         SELECT p.job_id,
            p.kind,
            'parked'::text,
            p.queue,
            p.key,
            p.priority,
            p.failures,
            p.parked_at,
            NULL::integer,
            p.why,
            NULL::integer
           FROM jobs.parked p
        UNION ALL
         SELECT r.job_id,
            r.kind,
                CASE
                    WHEN (r.cancel_reason IS NULL) THEN 'running'::text
                    ELSE 'cancelling'::text
                END AS "case",
            r.queue,
            r.key,
            r.priority,
            r.failures,
            r.started_at,
            r.worker_id,
            r.cancel_reason,
            r.run_no
           FROM jobs.running r) u
     JOIN jobs.jobs j ON ((j.job_id = u.job_id)))
     JOIN jobs.kinds k ON ((k.kind = u.kind)))
     LEFT JOIN jobs.progress g ON (((g.job_id = u.job_id) AND (g.run_no = u.run_no))));


--
-- Name: VIEW active; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.active IS 'Every job that has not ended: ready, scheduled, parked, running or cancelling.';


--
-- Name: COLUMN active.tenant; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.active.tenant IS 'The user it works for; null is the house itself.';


--
-- Name: COLUMN active.priority; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.active.priority IS '0 urgent, 1 high, 2 normal, 3 idle.';


--
-- Name: COLUMN active.failures; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.active.failures IS 'Runs that failed or crashed so far.';


--
-- Name: COLUMN active.since; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.active.since IS 'When it became ready, was parked, or began to run; for a scheduled one, when its time comes.';


--
-- Name: COLUMN active.age; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.active.age IS 'How long that is ago; negative for what is still to come.';


--
-- Name: COLUMN active.worker_id; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.active.worker_id IS 'Null unless it is running.';


--
-- Name: COLUMN active.why; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.active.why IS 'Why it waits or is to stop; null if it simply waits for its turn.';


--
-- Name: COLUMN active.percent; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.active.percent IS 'How far it is, as its worker last said; null where it has said nothing.';


--
-- Name: COLUMN active.note; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.active.note IS 'What its worker said of how far it is.';


--
-- Name: alert_channels; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.alert_channels (
    channel text NOT NULL,
    kind text NOT NULL,
    url_from text NOT NULL,
    mail_from text,
    mail_to text[],
    min_severity text DEFAULT 'info'::text NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    CONSTRAINT alert_channels_are_named_simply CHECK ((channel ~ '^[a-z][a-z0-9_-]*$'::text)),
    CONSTRAINT alert_channels_mail_has_addresses CHECK (((kind <> 'jobs.send_mail'::text) OR ((mail_from IS NOT NULL) AND (cardinality(mail_to) > 0)))),
    CONSTRAINT alert_channels_send_by_a_kind_of_ours CHECK ((kind = ANY (ARRAY['jobs.send_slack'::text, 'jobs.send_mail'::text]))),
    CONSTRAINT alert_channels_severity_is_known CHECK ((min_severity = ANY (ARRAY['info'::text, 'warning'::text, 'critical'::text]))),
    CONSTRAINT alert_channels_url_is_in_a_setting_of_theirs CHECK ((url_from ~ '^AUTOM_ALERT_[A-Z0-9_]+$'::text))
);


--
-- Name: TABLE alert_channels; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.alert_channels IS 'Where alerts are told.';


--
-- Name: COLUMN alert_channels.kind; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_channels.kind IS 'jobs.send_slack or jobs.send_mail.';


--
-- Name: COLUMN alert_channels.url_from; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_channels.url_from IS 'The environment variable of the workers that holds the secret: the URL of a Slack webhook, or smtps://user:password@host:465, or smtp://… for STARTTLS. It is never in the database.';


--
-- Name: COLUMN alert_channels.min_severity; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_channels.min_severity IS 'What is below it is not told here.';


--
-- Name: alert_notices; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.alert_notices (
    alert_id bigint NOT NULL,
    channel text NOT NULL,
    news text NOT NULL,
    noticed_at timestamp with time zone NOT NULL,
    job_id bigint,
    ended_at timestamp with time zone,
    outcome text,
    reason text,
    CONSTRAINT alert_notices_end_with_an_outcome CHECK (((ended_at IS NULL) = (outcome IS NULL))),
    CONSTRAINT alert_notices_news_is_known CHECK ((news = ANY (ARRAY['opened'::text, 'resolved'::text])))
);


--
-- Name: TABLE alert_notices; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.alert_notices IS 'What each channel is told of an alert: at most once each.';


--
-- Name: COLUMN alert_notices.job_id; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_notices.job_id IS 'The job that tells it; null until one has taken it.';


--
-- Name: COLUMN alert_notices.outcome; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_notices.outcome IS 'How that job ended: done, failed, unknown (it may have been told), skipped, cancelled.';


--
-- Name: alert_channels_status; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.alert_channels_status AS
 SELECT c.channel,
    replace(c.kind, 'jobs.send_'::text, ''::text) AS sends,
    c.url_from,
    c.mail_to,
    c.min_severity,
    c.enabled,
    u.untold,
    n.outcome AS last_outcome,
    n.ended_at AS last_at,
    n.reason AS last_reason,
    c.description
   FROM ((jobs.alert_channels c
     CROSS JOIN LATERAL ( SELECT count(*) AS untold
           FROM jobs.alert_notices n_1
          WHERE ((n_1.channel = c.channel) AND (n_1.ended_at IS NULL))) u)
     LEFT JOIN LATERAL ( SELECT n_1.outcome,
            n_1.ended_at,
            n_1.reason
           FROM jobs.alert_notices n_1
          WHERE ((n_1.channel = c.channel) AND (n_1.ended_at IS NOT NULL))
          ORDER BY n_1.ended_at DESC
         LIMIT 1) n ON (true));


--
-- Name: VIEW alert_channels_status; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.alert_channels_status IS 'Where alerts are told, and how that went last.';


--
-- Name: COLUMN alert_channels_status.sends; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_channels_status.sends IS 'slack or mail.';


--
-- Name: COLUMN alert_channels_status.url_from; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_channels_status.url_from IS 'The environment variable of the workers that holds the URL.';


--
-- Name: COLUMN alert_channels_status.untold; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_channels_status.untold IS 'Notices that wait for their delivery.';


--
-- Name: COLUMN alert_channels_status.last_outcome; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_channels_status.last_outcome IS 'done, failed, unknown (it may have arrived), skipped, cancelled; null before the first.';


--
-- Name: alert_silences; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.alert_silences (
    rule text NOT NULL,
    about text DEFAULT ''::text NOT NULL,
    until timestamp with time zone NOT NULL,
    reason text,
    silenced_at timestamp with time zone DEFAULT jobs.clock() NOT NULL
);


--
-- Name: TABLE alert_silences; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.alert_silences IS 'What is not told for now. It is still watched, and shown.';


--
-- Name: COLUMN alert_silences.about; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_silences.about IS 'Empty silences all that the rule finds.';


--
-- Name: alerts; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.alerts (
    alert_id bigint NOT NULL,
    rule text NOT NULL,
    about text NOT NULL,
    severity text NOT NULL,
    said text NOT NULL,
    times bigint NOT NULL,
    first_seen timestamp with time zone NOT NULL,
    last_seen timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone,
    CONSTRAINT alerts_last_seen_is_not_before_the_first CHECK ((last_seen >= first_seen))
);


--
-- Name: TABLE alerts; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.alerts IS 'What is or was wrong: one row from its beginning to its end.';


--
-- Name: COLUMN alerts.times; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alerts.times IS 'How often, or how many, when it was last seen.';


--
-- Name: COLUMN alerts.resolved_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alerts.resolved_at IS 'When it was over; null while it is not.';


--
-- Name: alert_rules_status; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.alert_rules_status AS
 SELECT r.rule,
    r.severity,
    r.bound,
    r.span,
    r.enabled,
    a.open,
    s.until AS silenced_until,
    r.channels,
    r.clear_after,
    r.error,
    r.function,
    r.description
   FROM ((jobs.alert_rules r
     CROSS JOIN LATERAL ( SELECT count(*) AS open
           FROM jobs.alerts a_1
          WHERE ((a_1.rule = r.rule) AND (a_1.resolved_at IS NULL))) a)
     LEFT JOIN jobs.alert_silences s ON (((s.rule = r.rule) AND (s.about = ''::text) AND (s.until > jobs.clock()))));


--
-- Name: VIEW alert_rules_status; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.alert_rules_status IS 'What is worth an alert, and how many there are of it.';


--
-- Name: COLUMN alert_rules_status.bound; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_rules_status.bound IS 'What the rule measures against; see its description.';


--
-- Name: COLUMN alert_rules_status.span; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_rules_status.span IS 'The time that the rule looks back over, or allows.';


--
-- Name: COLUMN alert_rules_status.silenced_until; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_rules_status.silenced_until IS 'Null while the whole rule is not silenced.';


--
-- Name: COLUMN alert_rules_status.channels; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_rules_status.channels IS 'Where it is told; null is every channel.';


--
-- Name: COLUMN alert_rules_status.clear_after; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_rules_status.clear_after IS 'An alert is over when it has not been found for that long.';


--
-- Name: COLUMN alert_rules_status.error; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alert_rules_status.error IS 'Why the rule failed the last time; null if it did not.';


--
-- Name: alerts_alert_id_seq; Type: SEQUENCE; Schema: jobs; Owner: -
--

ALTER TABLE jobs.alerts ALTER COLUMN alert_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobs.alerts_alert_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: alerts_status; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.alerts_status AS
 SELECT a.alert_id,
    a.rule,
    a.about,
    a.severity,
        CASE
            WHEN (a.resolved_at IS NOT NULL) THEN 'resolved'::text
            WHEN (s.until IS NOT NULL) THEN 'silenced'::text
            ELSE 'open'::text
        END AS state,
    a.said,
    a.times,
    a.first_seen,
    a.last_seen,
    a.resolved_at,
    s.until AS silenced_until,
    s.reason AS silenced_why,
    n.told
   FROM ((jobs.alerts a
     LEFT JOIN LATERAL ( SELECT s_1.until,
            s_1.reason
           FROM jobs.alert_silences s_1
          WHERE ((s_1.rule = a.rule) AND (s_1.about = ANY (ARRAY[a.about, ''::text])) AND (s_1.until > jobs.clock()))
          ORDER BY s_1.until DESC
         LIMIT 1) s ON ((a.resolved_at IS NULL)))
     CROSS JOIN LATERAL ( SELECT ARRAY( SELECT n_1.channel
                   FROM jobs.alert_notices n_1
                  WHERE ((n_1.alert_id = a.alert_id) AND (n_1.news = 'opened'::text) AND (n_1.outcome = 'done'::text))
                  ORDER BY n_1.channel) AS "array") n(told));


--
-- Name: VIEW alerts_status; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.alerts_status IS 'What is wrong, and what was until lately.';


--
-- Name: COLUMN alerts_status.about; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alerts_status.about IS 'What the rule found it of: a kind, a queue, a schedule, …';


--
-- Name: COLUMN alerts_status.state; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alerts_status.state IS 'open; silenced, where it goes on but is not told; resolved, where it is over.';


--
-- Name: COLUMN alerts_status.times; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alerts_status.times IS 'How often, or how many, when it was last seen.';


--
-- Name: COLUMN alerts_status.silenced_until; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alerts_status.silenced_until IS 'Null while it is not silenced.';


--
-- Name: COLUMN alerts_status.told; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.alerts_status.told IS 'Channels that it was told to.';


--
-- Name: effects; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.effects (
    job_id bigint NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    run_no integer NOT NULL,
    mode text,
    outcome text,
    CONSTRAINT effects_outcome_is_known CHECK ((outcome = ANY (ARRAY['done'::text, 'try_later'::text, 'give_up'::text, 'unknown'::text])))
)
PARTITION BY RANGE (job_id);


--
-- Name: TABLE effects; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.effects IS 'Each request that was handed to a worker, written down before it went out.';


--
-- Name: COLUMN effects.mode; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.effects.mode IS 'What the kind said about repeats at that time.';


--
-- Name: COLUMN effects.outcome; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.effects.outcome IS 'What the worker reported. Null is on its way or lost: like unknown, it may have been sent.';


--
-- Name: history; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.history (
    job_id bigint NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone NOT NULL,
    run_no integer NOT NULL,
    worker_id integer,
    failures smallint NOT NULL,
    state text NOT NULL,
    code text,
    reason text,
    result jsonb,
    CONSTRAINT history_state_is_known CHECK ((state = ANY (ARRAY['done'::text, 'failed'::text, 'skipped'::text, 'cancelled'::text, 'unknown'::text, 'retry'::text, 'lost'::text])))
)
PARTITION BY RANGE (job_id);


--
-- Name: TABLE history; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.history IS 'One row for each run that ended its job, failed, or was lost with its worker.';


--
-- Name: COLUMN history.started_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.history.started_at IS 'Null if it ended without having been claimed.';


--
-- Name: COLUMN history.failures; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.history.failures IS 'Failures of the job so far, this run included.';


--
-- Name: COLUMN history.state; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.history.state IS 'done, failed, skipped, cancelled and unknown end the job; retry and lost only the run.';


--
-- Name: COLUMN history.result; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.history.result IS 'The answer; null above 8 kB, and where the settle function keeps what it needs.';


--
-- Name: workers; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.workers (
    worker_id integer NOT NULL,
    name text NOT NULL,
    queues text[] NOT NULL,
    kinds text[],
    hears boolean,
    lease interval NOT NULL,
    started_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    stopped_at timestamp with time zone
)
WITH (fillfactor='20');


--
-- Name: TABLE workers; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.workers IS 'Workers and their leases. What a worker holds when its lease ends, others take over.';


--
-- Name: COLUMN workers.kinds; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.workers.kinds IS 'Kinds that it has a handler for; null where it did not say, which counts as all.';


--
-- Name: COLUMN workers.hears; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.workers.hears IS 'Notifications arrive; where they do not, it polls more often. Null where it did not say.';


--
-- Name: COLUMN workers.stopped_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.workers.stopped_at IS 'When it said goodbye, or was found dead; null while it works.';


--
-- Name: attempts; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.attempts AS
 SELECT a.job_id,
    a.run_no,
    a.state,
    a.started_at,
    a.finished_at,
    (COALESCE(a.finished_at, jobs.clock()) - a.started_at) AS took,
    w.name AS worker,
    a.code,
    a.reason,
    e.sent_at,
    e.outcome,
    e.mode AS effect
   FROM ((( SELECT h.job_id,
            h.run_no,
            h.state,
            h.started_at,
            h.finished_at,
            h.worker_id,
            h.code,
            h.reason
           FROM jobs.history h
        UNION ALL
         SELECT r.job_id,
            r.run_no,
            'running'::text,
            r.started_at,
            NULL::timestamp with time zone,
            r.worker_id,
            NULL::text,
            r.cancel_reason
           FROM jobs.running r) a
     LEFT JOIN jobs.workers w ON ((w.worker_id = a.worker_id)))
     LEFT JOIN jobs.effects e ON (((e.job_id = a.job_id) AND (e.run_no = a.run_no))));


--
-- Name: VIEW attempts; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.attempts IS 'Every run of every job: who had it, when, how it ended, what it sent. Ask by job_id.';


--
-- Name: COLUMN attempts.run_no; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.attempts.run_no IS 'Counts up with every claim; a gap is a claim that was given back.';


--
-- Name: COLUMN attempts.state; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.attempts.state IS 'done, failed, skipped, cancelled, unknown ended the job; retry and lost only the run; running goes on.';


--
-- Name: COLUMN attempts.started_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.attempts.started_at IS 'Null if it ended without having been claimed.';


--
-- Name: COLUMN attempts.took; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.attempts.took IS 'So far, while it is running.';


--
-- Name: COLUMN attempts.sent_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.attempts.sent_at IS 'When its request was handed to the worker, who then may have sent it; null if it never was.';


--
-- Name: COLUMN attempts.outcome; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.attempts.outcome IS 'What the worker reported: done, try_later, give_up, unknown; null where it has not, or nothing was sent.';


--
-- Name: COLUMN attempts.effect; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.attempts.effect IS 'What a repeat does, as its kind said then: see jobs.kinds.effect.';


--
-- Name: awaits; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.awaits (
    job_id bigint NOT NULL,
    event text NOT NULL,
    until timestamp with time zone
);


--
-- Name: TABLE awaits; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.awaits IS 'The event that a parked job waits for.';


--
-- Name: COLUMN awaits.until; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.awaits.until IS 'When it goes on without; null waits for ever.';


--
-- Name: dead_letters; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.dead_letters (
    job_id bigint NOT NULL,
    died_at timestamp with time zone NOT NULL,
    run_no integer NOT NULL,
    state text NOT NULL,
    queue text NOT NULL,
    key text NOT NULL,
    code text,
    reason text NOT NULL,
    CONSTRAINT dead_letters_state_is_known CHECK ((state = ANY (ARRAY['failed'::text, 'unknown'::text])))
);


--
-- Name: TABLE dead_letters; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.dead_letters IS 'Jobs that ended badly and that nobody has retried yet.';


--
-- Name: run_log; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.run_log (
    run_id bigint NOT NULL,
    name text NOT NULL,
    started_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    returned_at timestamp with time zone,
    finished_at timestamp with time zone,
    items integer DEFAULT 0 NOT NULL,
    skipped integer DEFAULT 0 NOT NULL,
    failed integer DEFAULT 0 NOT NULL,
    status text DEFAULT 'running'::text NOT NULL,
    why text,
    error text,
    is_batch boolean DEFAULT false NOT NULL,
    final_kind text,
    final_payload jsonb,
    final_policy text,
    CONSTRAINT run_log_ends_with_its_status CHECK (((finished_at IS NULL) = (status = 'running'::text))),
    CONSTRAINT run_log_final_policy_is_known CHECK ((final_policy = ANY (ARRAY['on_success'::text, 'on_any'::text, 'on_failure'::text]))),
    CONSTRAINT run_log_status_is_known CHECK ((status = ANY (ARRAY['running'::text, 'succeeded'::text, 'partly'::text, 'failed'::text, 'skipped'::text])))
);


--
-- Name: TABLE run_log; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.run_log IS 'Every run of a schedule, and every batch. The views jobs.runs and jobs.batches show it.';


--
-- Name: COLUMN run_log.returned_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.run_log.returned_at IS 'When the schedule''s function had decided; its jobs may still go on.';


--
-- Name: COLUMN run_log.items; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.run_log.items IS 'Units it decided on, e.g. products planned.';


--
-- Name: COLUMN run_log.failed; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.run_log.failed IS 'Jobs of the run that were dead when it ended.';


--
-- Name: COLUMN run_log.is_batch; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.run_log.is_batch IS 'A caller opened it with jobs.open_batch.';


--
-- Name: COLUMN run_log.final_kind; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.run_log.final_kind IS 'The kind of the job that is enqueued when it ends; null if none is.';


--
-- Name: COLUMN run_log.final_policy; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.run_log.final_policy IS 'on_any: however its jobs ended; on_success: if none is dead; on_failure: if one is.';


--
-- Name: batches; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.batches AS
 SELECT l.run_id AS batch_id,
    l.name,
        CASE
            WHEN (l.returned_at IS NULL) THEN 'open'::text
            ELSE l.status
        END AS status,
    n.jobs,
    (n.jobs - u.unfinished) AS ended,
    d.dead,
        CASE
            WHEN (n.jobs > 0) THEN ((100 * (n.jobs - u.unfinished)) / n.jobs)
            ELSE NULL::bigint
        END AS percent,
    l.started_at,
    l.returned_at AS closed_at,
    l.finished_at,
    l.final_kind,
    l.final_policy
   FROM (((jobs.run_log l
     CROSS JOIN LATERAL ( SELECT count(*) AS jobs
           FROM jobs.jobs j
          WHERE (j.run_id = l.run_id)) n)
     CROSS JOIN LATERAL ( SELECT (((( SELECT count(*) AS count
                   FROM jobs.ready r
                  WHERE (r.run_id = l.run_id)) + ( SELECT count(*) AS count
                   FROM jobs.scheduled s
                  WHERE (s.run_id = l.run_id))) + ( SELECT count(*) AS count
                   FROM jobs.parked p
                  WHERE (p.run_id = l.run_id))) + ( SELECT count(*) AS count
                   FROM jobs.running r
                  WHERE (r.run_id = l.run_id))) AS unfinished) u)
     CROSS JOIN LATERAL ( SELECT count(*) AS dead
           FROM (jobs.jobs j
             JOIN jobs.dead_letters x ON ((x.job_id = j.job_id)))
          WHERE (j.run_id = l.run_id)) d)
  WHERE l.is_batch;


--
-- Name: VIEW batches; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.batches IS 'Batches and how far they are: counted when asked, so ask by batch_id. Their results: select result from jobs.finished where run_id = …;';


--
-- Name: COLUMN batches.status; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.batches.status IS 'open; running, once it is closed; succeeded; partly, where some of its jobs are dead; failed; skipped, where it was empty.';


--
-- Name: COLUMN batches.jobs; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.batches.jobs IS 'Jobs of the batch so far: one that ends may enqueue more.';


--
-- Name: COLUMN batches.ended; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.batches.ended IS 'Jobs that have ended, however they did.';


--
-- Name: COLUMN batches.dead; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.batches.dead IS 'Jobs that ended badly and that nobody has retried.';


--
-- Name: COLUMN batches.percent; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.batches.percent IS 'Share of its jobs that has ended; null where it is empty.';


--
-- Name: buckets; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.buckets (
    queue text NOT NULL,
    key text NOT NULL,
    tat timestamp with time zone,
    blocked_until timestamp with time zone
)
WITH (fillfactor='50');


--
-- Name: TABLE buckets; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.buckets IS 'How far the rate of each key is used up.';


--
-- Name: COLUMN buckets.tat; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.buckets.tat IS 'Theoretical arrival time (generic cell rate algorithm): when the jobs let through so far are paid for, at 1/rate seconds each. Null if none was counted yet.';


--
-- Name: COLUMN buckets.blocked_until; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.buckets.blocked_until IS 'A service asked for silence until then (Retry-After); null if none ever did.';


--
-- Name: chores; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.chores (
    chore text NOT NULL,
    every interval,
    last_at timestamp with time zone,
    took interval,
    did integer,
    error text,
    CONSTRAINT chores_come_back_after_a_while CHECK ((every > '00:00:00'::interval))
)
WITH (fillfactor='20');


--
-- Name: TABLE chores; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.chores IS 'What jobs.tick does now and then, and how it went last.';


--
-- Name: COLUMN chores.every; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.chores.every IS 'The shortest time from one turn to the next; null is each tick, and its row is there while it fails.';


--
-- Name: COLUMN chores.last_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.chores.last_at IS 'When it last began; null before the first time.';


--
-- Name: COLUMN chores.took; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.chores.took IS 'How long that took.';


--
-- Name: COLUMN chores.did; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.chores.did IS 'How many things it did then.';


--
-- Name: COLUMN chores.error; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.chores.error IS 'Why it failed then; null if it did not.';


--
-- Name: chores_status; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.chores_status AS
 SELECT c.chore,
    c.every,
    c.last_at,
    (jobs.clock() - c.last_at) AS age,
    c.took,
    c.did,
    c.error
   FROM jobs.chores c;


--
-- Name: VIEW chores_status; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.chores_status IS 'What jobs.tick does now and then, and what of it failed the last time.';


--
-- Name: COLUMN chores_status.every; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.chores_status.every IS 'The shortest time from one turn to the next; null is each tick, of which only failures are here.';


--
-- Name: COLUMN chores_status.took; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.chores_status.took IS 'How long the last turn took.';


--
-- Name: COLUMN chores_status.did; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.chores_status.did IS 'How many things it did then.';


--
-- Name: COLUMN chores_status.error; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.chores_status.error IS 'Why it failed then; null if it did not.';


--
-- Name: days; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.days AS
 SELECT (p.relname)::text AS what,
    (c.relname)::text AS partition,
    d.day,
    ((to_char((d.day)::timestamp with time zone, 'YYMMDD'::text))::bigint * 1000000000) AS first_id,
    ((to_char(((d.day + 1))::timestamp with time zone, 'YYMMDD'::text))::bigint * 1000000000) AS next_id
   FROM (((pg_inherits i
     JOIN pg_class p ON ((p.oid = i.inhparent)))
     JOIN pg_class c ON ((c.oid = i.inhrelid)))
     CROSS JOIN LATERAL ( SELECT to_date("right"((c.relname)::text, 8), 'YYYYMMDD'::text) AS day) d)
  WHERE ((p.relnamespace = ('jobs'::regnamespace)::oid) AND (p.relkind = 'p'::"char") AND (p.relname = ANY (ARRAY['jobs'::name, 'history'::name, 'effects'::name])) AND (c.relname ~ '_[0-9]{8}$'::text));


--
-- Name: VIEW days; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.days IS 'The daily partitions of jobs, history and effects.';


--
-- Name: COLUMN days.what; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.days.what IS 'jobs, history or effects.';


--
-- Name: COLUMN days.first_id; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.days.first_id IS 'The smallest job_id that falls into it.';


--
-- Name: COLUMN days.next_id; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.days.next_id IS 'The smallest job_id that no longer does.';


--
-- Name: dead; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.dead AS
 SELECT d.job_id,
    j.kind,
    d.state,
    d.queue,
    d.key,
    j.tenant,
    d.code,
    d.reason,
    d.died_at,
    (jobs.clock() - d.died_at) AS age,
    d.run_no AS runs,
    j.run_id,
    j.payload
   FROM (jobs.dead_letters d
     JOIN jobs.jobs j ON ((j.job_id = d.job_id)));


--
-- Name: VIEW dead; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.dead IS 'Jobs that ended badly and that nobody has retried: select jobs.retry(job_id) from jobs.dead where …;';


--
-- Name: COLUMN dead.state; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.dead.state IS 'failed, or unknown: what it was to do outside may or may not have happened.';


--
-- Name: COLUMN dead.code; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.dead.code IS 'The kind of error, as its worker called it; null if it had no name.';


--
-- Name: COLUMN dead.runs; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.dead.runs IS 'How often it was claimed.';


--
-- Name: dead_jobs; Type: SEQUENCE; Schema: jobs; Owner: -
--

CREATE SEQUENCE jobs.dead_jobs
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: SEQUENCE dead_jobs; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON SEQUENCE jobs.dead_jobs IS 'Jobs that ended badly.';


--
-- Name: denied_keys; Type: SEQUENCE; Schema: jobs; Owner: -
--

CREATE SEQUENCE jobs.denied_keys
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: SEQUENCE denied_keys; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON SEQUENCE jobs.denied_keys IS 'Keys passed over because a limit was used up.';


--
-- Name: effects_default; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.effects_default (
    job_id bigint NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    run_no integer NOT NULL,
    mode text,
    outcome text,
    CONSTRAINT effects_outcome_is_known CHECK ((outcome = ANY (ARRAY['done'::text, 'try_later'::text, 'give_up'::text, 'unknown'::text])))
)
WITH (fillfactor='70');


--
-- Name: TABLE effects_default; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.effects_default IS 'Days that have no partition of their own.';


--
-- Name: events; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.events (
    event text NOT NULL,
    value jsonb,
    emitted_at timestamp with time zone NOT NULL
);


--
-- Name: TABLE events; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.events IS 'What happened, for jobs that wait for it, now or later. Kept for thirty days.';


--
-- Name: unique_keys; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.unique_keys (
    kind text NOT NULL,
    unique_key text NOT NULL,
    job_id bigint NOT NULL,
    until timestamp with time zone,
    until_claimed boolean DEFAULT false NOT NULL
)
WITH (fillfactor='80');


--
-- Name: TABLE unique_keys; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.unique_keys IS 'Which job holds a unique key.';


--
-- Name: COLUMN unique_keys.until; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.unique_keys.until IS 'The key stays taken until then, even if the job ends before; null until the job ends.';


--
-- Name: COLUMN unique_keys.until_claimed; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.unique_keys.until_claimed IS 'The job lets go of the key when it is claimed. Claims know nothing of it: whoever wants the key looks.';


--
-- Name: faults; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.faults AS
 WITH places AS (
         SELECT r.job_id,
            r.run_no
           FROM jobs.ready r
        UNION ALL
         SELECT s.job_id,
            s.run_no
           FROM jobs.scheduled s
        UNION ALL
         SELECT p.job_id,
            p.run_no
           FROM jobs.parked p
        UNION ALL
         SELECT r.job_id,
            r.run_no
           FROM jobs.running r
        ), ends AS (
         SELECT h.job_id,
            h.run_no,
            h.state
           FROM jobs.history h
          WHERE (h.state <> ALL (ARRAY['retry'::text, 'lost'::text]))
        ), last_ends AS (
         SELECT e.job_id,
            max(e.run_no) AS run_no
           FROM ends e
          GROUP BY e.job_id
        )
 SELECT 'a job is in two places'::text AS fault,
    p.job_id
   FROM places p
  GROUP BY p.job_id
 HAVING (count(*) > 1)
UNION ALL
 SELECT 'a job is lost'::text AS fault,
    j.job_id
   FROM jobs.jobs j
  WHERE ((NOT (EXISTS ( SELECT
           FROM places p
          WHERE (p.job_id = j.job_id)))) AND (NOT (EXISTS ( SELECT
           FROM ends e
          WHERE (e.job_id = j.job_id)))))
UNION ALL
 SELECT 'a place has no job'::text AS fault,
    p.job_id
   FROM places p
  WHERE (NOT (EXISTS ( SELECT
           FROM jobs.jobs j
          WHERE (j.job_id = p.job_id))))
UNION ALL
 SELECT 'a job that ended is still there'::text AS fault,
    e.job_id
   FROM (last_ends e
     JOIN places p ON (((p.job_id = e.job_id) AND (p.run_no < e.run_no))))
UNION ALL
 SELECT 'a run that has ended goes on'::text AS fault,
    h.job_id
   FROM (jobs.history h
     JOIN jobs.running r ON (((r.job_id = h.job_id) AND (r.run_no <= h.run_no))))
UNION ALL
 SELECT 'a dead letter of a job that goes on'::text AS fault,
    d.job_id
   FROM (jobs.dead_letters d
     JOIN places p ON ((p.job_id = d.job_id)))
UNION ALL
 SELECT 'a dead letter of a job that ended well'::text AS fault,
    d.job_id
   FROM ((jobs.dead_letters d
     JOIN last_ends l ON ((l.job_id = d.job_id)))
     JOIN ends e ON (((e.job_id = l.job_id) AND (e.run_no = l.run_no))))
  WHERE (e.state <> ALL (ARRAY['failed'::text, 'unknown'::text]))
UNION ALL
 SELECT 'a key held by no job'::text AS fault,
    u.job_id
   FROM jobs.unique_keys u
  WHERE ((u.until IS NULL) AND (NOT (EXISTS ( SELECT
           FROM places p
          WHERE (p.job_id = u.job_id)))))
UNION ALL
 SELECT 'a job held by no worker'::text AS fault,
    r.job_id
   FROM jobs.running r
  WHERE (NOT (EXISTS ( SELECT
           FROM jobs.workers w
          WHERE ((w.worker_id = r.worker_id) AND (w.stopped_at IS NULL)))));


--
-- Name: VIEW faults; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.faults IS 'What must never be true of the queue''s tables, whatever was done to it: empty, but for jobs held by a worker that has just signed off, until the next tick. Reads all that is kept.';


--
-- Name: COLUMN faults.fault; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.faults.fault IS 'What is wrong.';


--
-- Name: COLUMN faults.job_id; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.faults.job_id IS 'Of which job.';


--
-- Name: finished; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.finished AS
 SELECT h.job_id,
    j.kind,
    h.state,
    j.queue,
    j.key,
    j.tenant,
    h.run_no AS runs,
    h.failures,
    j.created_at,
    h.started_at,
    h.finished_at,
    (h.finished_at - h.started_at) AS took,
    h.code,
    h.reason,
    h.result,
    j.run_id,
    j.payload
   FROM (jobs.history h
     JOIN jobs.jobs j ON ((j.job_id = h.job_id)))
  WHERE (h.state <> ALL (ARRAY['retry'::text, 'lost'::text]));


--
-- Name: VIEW finished; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.finished IS 'Jobs that have ended: done, failed, skipped, cancelled or unknown. One that was retried after its end has a row for each end. The newest have the highest job_id: order by that, it has an index.';


--
-- Name: COLUMN finished.runs; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.finished.runs IS 'How often it was claimed.';


--
-- Name: COLUMN finished.failures; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.finished.failures IS 'Runs of it that failed or crashed.';


--
-- Name: COLUMN finished.started_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.finished.started_at IS 'When its last run began; null if it ended without one.';


--
-- Name: COLUMN finished.took; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.finished.took IS 'Length of the last run; null if it ended without one.';


--
-- Name: COLUMN finished.result; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.finished.result IS 'The answer; null above 8 kB, and where the settle function keeps what it needs.';


--
-- Name: fires; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.fires (
    schedule text NOT NULL,
    fire_at timestamp with time zone NOT NULL,
    fired_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    run_id bigint
);


--
-- Name: TABLE fires; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.fires IS 'Each time that a schedule was due.';


--
-- Name: COLUMN fires.run_id; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.fires.run_id IS 'The run it began; null if it came too late and is not caught up with.';


--
-- Name: pauses; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.pauses (
    queue text NOT NULL,
    key text DEFAULT ''::text NOT NULL,
    until timestamp with time zone,
    reason text,
    paused_at timestamp with time zone DEFAULT jobs.clock() NOT NULL
);


--
-- Name: TABLE pauses; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.pauses IS 'What nobody takes for now, because a person said so.';


--
-- Name: COLUMN pauses.key; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.pauses.key IS 'Empty pauses the whole queue.';


--
-- Name: COLUMN pauses.until; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.pauses.until IS 'Null until somebody resumes it.';


--
-- Name: held; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.held AS
 SELECT p.queue,
    NULLIF(p.key, ''::text) AS key,
    'person'::text AS held_by,
    p.paused_at AS since,
    p.until,
    p.reason
   FROM jobs.pauses p
  WHERE ((p.until IS NULL) OR (p.until > jobs.clock()))
UNION ALL
 SELECT b.queue,
    b.key,
    'service'::text AS held_by,
    NULL::timestamp with time zone AS since,
    b.blocked_until AS until,
    'It asked for silence.'::text AS reason
   FROM jobs.buckets b
  WHERE (b.blocked_until > jobs.clock());


--
-- Name: VIEW held; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.held IS 'Queues, and keys of queues, that nobody takes jobs of for now, and why.';


--
-- Name: COLUMN held.key; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.held.key IS 'Null is the whole queue.';


--
-- Name: COLUMN held.held_by; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.held.held_by IS 'person: jobs.pause, ended by jobs.resume; service: a Retry-After or a limit that is used up.';


--
-- Name: COLUMN held.since; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.held.since IS 'Null where a service holds it.';


--
-- Name: COLUMN held.until; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.held.until IS 'Null until somebody resumes it.';


--
-- Name: history_hours; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.history_hours (
    hour timestamp with time zone NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    done bigint NOT NULL,
    failed bigint NOT NULL,
    unknown bigint NOT NULL,
    skipped bigint NOT NULL,
    cancelled bigint NOT NULL,
    retried bigint NOT NULL,
    lost bigint NOT NULL,
    run_p50 interval,
    run_p95 interval,
    wait_p50 interval,
    wait_p95 interval
);


--
-- Name: TABLE history_hours; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.history_hours IS 'The history summed up by the hour, written once and kept for good.';


--
-- Name: history_by_hour; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.history_by_hour AS
 SELECT h.hour,
    h.queue,
    h.kind,
    ((((h.done + h.failed) + h.unknown) + h.skipped) + h.cancelled) AS ended,
    h.done,
    h.failed,
    h.unknown,
    h.skipped,
    h.cancelled,
    h.retried,
    h.lost,
    h.run_p50,
    h.run_p95,
    h.wait_p50,
    h.wait_p95
   FROM jobs.history_hours h;


--
-- Name: VIEW history_by_hour; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.history_by_hour IS 'What ended in each hour (UTC), by queue and kind: kept for good, written once the hour can no longer change.';


--
-- Name: COLUMN history_by_hour.ended; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.history_by_hour.ended IS 'Jobs that ended, however they did.';


--
-- Name: COLUMN history_by_hour.unknown; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.history_by_hour.unknown IS 'Ended without it being known whether they did what they were to.';


--
-- Name: COLUMN history_by_hour.retried; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.history_by_hour.retried IS 'Runs that failed and were to be tried again.';


--
-- Name: COLUMN history_by_hour.lost; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.history_by_hour.lost IS 'Runs that were lost with their worker.';


--
-- Name: COLUMN history_by_hour.run_p50; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.history_by_hour.run_p50 IS 'Half of the runs took no longer; null if none ran.';


--
-- Name: COLUMN history_by_hour.run_p95; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.history_by_hour.run_p95 IS '95 of 100 runs took no longer; null if none ran.';


--
-- Name: COLUMN history_by_hour.wait_p50; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.history_by_hour.wait_p50 IS 'From the enqueueing to the start of the first run, a wanted delay included: half waited no longer.';


--
-- Name: COLUMN history_by_hour.wait_p95; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.history_by_hour.wait_p95 IS 'The same for 95 of 100.';


--
-- Name: history_default; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.history_default (
    job_id bigint NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone NOT NULL,
    run_no integer NOT NULL,
    worker_id integer,
    failures smallint NOT NULL,
    state text NOT NULL,
    code text,
    reason text,
    result jsonb,
    CONSTRAINT history_state_is_known CHECK ((state = ANY (ARRAY['done'::text, 'failed'::text, 'skipped'::text, 'cancelled'::text, 'unknown'::text, 'retry'::text, 'lost'::text])))
);


--
-- Name: TABLE history_default; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.history_default IS 'Days that have no partition of their own.';


--
-- Name: jobs_default; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.jobs_default (
    job_id bigint NOT NULL,
    run_id bigint,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    tenant uuid,
    priority smallint NOT NULL,
    kind text NOT NULL,
    queue text NOT NULL,
    key text NOT NULL,
    unique_key text,
    payload jsonb NOT NULL
);


--
-- Name: TABLE jobs_default; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.jobs_default IS 'Days that have no partition of their own.';


--
-- Name: last_parked; Type: SEQUENCE; Schema: jobs; Owner: -
--

CREATE SEQUENCE jobs.last_parked
    START WITH 0
    INCREMENT BY 1
    MINVALUE 0
    NO MAXVALUE
    CACHE 1;


--
-- Name: SEQUENCE last_parked; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON SEQUENCE jobs.last_parked IS 'The last parked job that jobs.tick looked at; the next tick goes on behind it.';


--
-- Name: last_tick; Type: SEQUENCE; Schema: jobs; Owner: -
--

CREATE SEQUENCE jobs.last_tick
    START WITH 0
    INCREMENT BY 1
    MINVALUE 0
    NO MAXVALUE
    CACHE 1;


--
-- Name: SEQUENCE last_tick; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON SEQUENCE jobs.last_tick IS 'When jobs.tick last ran, in milliseconds since 1970.';


--
-- Name: last_wake; Type: SEQUENCE; Schema: jobs; Owner: -
--

CREATE SEQUENCE jobs.last_wake
    START WITH 0
    INCREMENT BY 1
    MINVALUE 0
    NO MAXVALUE
    CACHE 1;


--
-- Name: SEQUENCE last_wake; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON SEQUENCE jobs.last_wake IS 'When workers were last notified of ready jobs, in milliseconds since 1970.';


--
-- Name: limits; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.limits (
    queue text NOT NULL,
    key text NOT NULL,
    max_running integer,
    rate double precision,
    burst integer DEFAULT 1 NOT NULL,
    weight double precision DEFAULT 1 NOT NULL,
    CONSTRAINT limits_are_of_a_key CHECK ((key <> ''::text)),
    CONSTRAINT limits_let_something_through CHECK (((max_running >= 0) AND (rate > (0)::double precision) AND (burst > 0) AND (weight > (0)::double precision)))
);


--
-- Name: TABLE limits; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.limits IS 'What the jobs of one key may do, over all workers. May be changed at any time.';


--
-- Name: COLUMN limits.key; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.limits.key IS '* stands for every key that has no row of its own.';


--
-- Name: COLUMN limits.max_running; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.limits.max_running IS 'Jobs of the key at once; null is no bound.';


--
-- Name: COLUMN limits.rate; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.limits.rate IS 'Jobs of the key a second; null is no bound.';


--
-- Name: COLUMN limits.burst; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.limits.burst IS 'Jobs that may start at once after a time in which none did.';


--
-- Name: COLUMN limits.weight; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.limits.weight IS 'Share against other keys of the queue when there is not enough for all.';


--
-- Name: queues; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.queues (
    queue text NOT NULL,
    concurrency integer DEFAULT 10 NOT NULL,
    max_running integer,
    description text DEFAULT ''::text NOT NULL,
    CONSTRAINT queues_are_named_simply CHECK ((queue ~ '^[a-z][a-z0-9_]*$'::text)),
    CONSTRAINT queues_run_something CHECK (((concurrency > 0) AND (max_running >= 0)))
);


--
-- Name: TABLE queues; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.queues IS 'Where jobs wait. A worker serves whole queues.';


--
-- Name: COLUMN queues.concurrency; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.queues.concurrency IS 'Jobs that one worker works at once.';


--
-- Name: COLUMN queues.max_running; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.queues.max_running IS 'Jobs that all workers together work at once; null is no bound.';


--
-- Name: lines; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.lines AS
 WITH RECURSIVE heads AS (
         SELECT q.queue,
            b.priority,
            h_1.key,
            h_1.ready_at,
            1 AS place
           FROM ((jobs.queues q
             CROSS JOIN generate_series(0, 3) b(priority))
             CROSS JOIN LATERAL ( SELECT r.key,
                    r.ready_at
                   FROM jobs.ready r
                  WHERE ((r.queue = q.queue) AND (r.priority = b.priority))
                  ORDER BY r.key, r.seq
                 LIMIT 1) h_1)
        UNION ALL
         SELECT p.queue,
            p.priority,
            h_1.key,
            h_1.ready_at,
            (p.place + 1)
           FROM (heads p
             CROSS JOIN LATERAL ( SELECT r.key,
                    r.ready_at
                   FROM jobs.ready r
                  WHERE ((r.queue = p.queue) AND (r.priority = p.priority) AND (r.key > p.key))
                  ORDER BY r.key, r.seq
                 LIMIT 1) h_1)
          WHERE (p.place < 1000)
        )
 SELECT h.queue,
    h.priority,
    h.key,
    h.ready_at AS oldest_at,
    ((EXISTS ( SELECT
           FROM jobs.pauses p
          WHERE ((p.queue = h.queue) AND (p.key = ANY (ARRAY[''::text, h.key])) AND ((p.until IS NULL) OR (p.until > jobs.clock()))))) OR (EXISTS ( SELECT
           FROM jobs.buckets u
          WHERE ((u.queue = h.queue) AND (u.key = h.key) AND (u.blocked_until > jobs.clock()))))) AS held
   FROM heads h;


--
-- Name: VIEW lines; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.lines IS 'The first ready job of each key, by queue and priority: the first 1000 keys of each.';


--
-- Name: COLUMN lines.key; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.lines.key IS 'Empty is the line of jobs without a key.';


--
-- Name: COLUMN lines.oldest_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.lines.oldest_at IS 'Since when the first in line is ready.';


--
-- Name: COLUMN lines.held; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.lines.held IS 'A person or a service holds it up: see jobs.held.';


--
-- Name: lost_leases; Type: SEQUENCE; Schema: jobs; Owner: -
--

CREATE SEQUENCE jobs.lost_leases
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: SEQUENCE lost_leases; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON SEQUENCE jobs.lost_leases IS 'Workers whose lease ran out.';


--
-- Name: metric_names; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.metric_names AS
 SELECT m.metric,
    m.type,
    m.help
   FROM ( VALUES ('jobs_ready'::text,'gauge'::text,'Ready jobs of a queue; 10001 stands for all above 10000.'::text), ('jobs_scheduled'::text,'gauge'::text,'Jobs of a queue that wait for their time, among the first 10001.'::text), ('jobs_running'::text,'gauge'::text,'Jobs of a queue that workers hold.'::text), ('jobs_dead'::text,'gauge'::text,'Jobs of a queue that ended badly, among the first 10001.'::text), ('jobs_oldest_ready_seconds'::text,'gauge'::text,'How long the first ready job of a queue and priority has waited, among its first 1000 keys.'::text), ('jobs_paused_keys'::text,'gauge'::text,'Keys of a queue that a person or a service holds up.'::text), ('jobs_workers'::text,'gauge'::text,'Workers that are alive.'::text), ('jobs_deaf_workers'::text,'gauge'::text,'Workers that no notification reaches: they poll.'::text), ('jobs_tick_age_seconds'::text,'gauge'::text,'How long ago jobs.tick last began.'::text), ('jobs_tick_seconds'::text,'gauge'::text,'How long the last jobs.tick took.'::text), ('jobs_schedule_late_seconds'::text,'gauge'::text,'How long a schedule is overdue; 0 where it is not.'::text), ('jobs_alerts'::text,'gauge'::text,'Open alerts of a severity.'::text), ('jobs_xmin_age_seconds'::text,'gauge'::text,'How long the oldest transaction that holds up vacuum is open, prepared ones too.'::text), ('jobs_xmin_age_transactions'::text,'gauge'::text,'How many transactions back the oldest snapshot goes: of a backend, slot or prepared one.'::text), ('jobs_dead_rows'::text,'gauge'::text,'Dead rows of a hot table that vacuum has not removed.'::text), ('jobs_lost_leases_total'::text,'counter'::text,'Workers whose lease ran out.'::text), ('jobs_reaped_total'::text,'counter'::text,'Jobs taken back from workers that were lost or late.'::text), ('jobs_stale_reports_total'::text,'counter'::text,'Reports of runs that others had by then.'::text), ('jobs_retried_runs_total'::text,'counter'::text,'Runs that failed and were put back for another.'::text), ('jobs_died_total'::text,'counter'::text,'Jobs that ended badly.'::text), ('jobs_denied_keys_total'::text,'counter'::text,'Keys that a claim passed over because a limit of theirs was used up.'::text)) m(metric, type, help);


--
-- Name: VIEW metric_names; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.metric_names IS 'What the figures of jobs.metrics are.';


--
-- Name: COLUMN metric_names.type; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.metric_names.type IS 'gauge goes up and down; counter only grows, until the database is made anew.';


--
-- Name: reaped_jobs; Type: SEQUENCE; Schema: jobs; Owner: -
--

CREATE SEQUENCE jobs.reaped_jobs
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: SEQUENCE reaped_jobs; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON SEQUENCE jobs.reaped_jobs IS 'Jobs taken back from workers that were lost or late.';


--
-- Name: retried_runs; Type: SEQUENCE; Schema: jobs; Owner: -
--

CREATE SEQUENCE jobs.retried_runs
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: SEQUENCE retried_runs; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON SEQUENCE jobs.retried_runs IS 'Runs that failed and will be tried again.';


--
-- Name: schedules; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.schedules (
    schedule text NOT NULL,
    cron text NOT NULL,
    time_zone text DEFAULT 'UTC'::text NOT NULL,
    function text NOT NULL,
    catch_up text DEFAULT 'last'::text NOT NULL,
    catch_max integer DEFAULT 10 NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    next_at timestamp with time zone,
    description text NOT NULL,
    CONSTRAINT schedules_catch_up_is_known CHECK ((catch_up = ANY (ARRAY['none'::text, 'last'::text, 'all'::text]))),
    CONSTRAINT schedules_catch_up_with_something CHECK ((catch_max > 0)),
    CONSTRAINT schedules_name_a_function_with_its_schema CHECK ((function ~ '^[a-z_][a-z0-9_]*[.][a-z_][a-z0-9_]*$'::text))
);


--
-- Name: TABLE schedules; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.schedules IS 'What runs by itself, and when.';


--
-- Name: COLUMN schedules.cron; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.schedules.cron IS 'Minute, hour, day of the month, month, day of the week, by the clock of time_zone.';


--
-- Name: COLUMN schedules.function; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.schedules.function IS 'f(p_run_id bigint) returns table (items integer, skipped integer, why text).';


--
-- Name: COLUMN schedules.catch_up; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.schedules.catch_up IS 'Of the fires that nobody was there for, run none, the last one, or all (the last catch_max).';


--
-- Name: COLUMN schedules.next_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.schedules.next_at IS 'The next fire, kept by jobs.tick; null while disabled or not yet looked at.';


--
-- Name: schedule_status; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.schedule_status AS
 SELECT s.schedule,
    s.cron,
    s.time_zone,
    s.enabled,
    s.next_at,
        CASE
            WHEN (s.enabled AND (s.next_at < jobs.clock())) THEN (jobs.clock() - s.next_at)
            ELSE NULL::interval
        END AS late,
    l.run_id AS last_run_id,
    l.status AS last_status,
    l.started_at AS last_started_at,
    (l.finished_at - l.started_at) AS last_duration,
    COALESCE(l.error, l.why) AS last_why,
    s.catch_up,
    s.description
   FROM (jobs.schedules s
     LEFT JOIN LATERAL ( SELECT l_1.run_id,
            l_1.name,
            l_1.started_at,
            l_1.returned_at,
            l_1.finished_at,
            l_1.items,
            l_1.skipped,
            l_1.failed,
            l_1.status,
            l_1.why,
            l_1.error,
            l_1.is_batch,
            l_1.final_kind,
            l_1.final_payload,
            l_1.final_policy
           FROM jobs.run_log l_1
          WHERE (l_1.name = s.schedule)
          ORDER BY l_1.started_at DESC
         LIMIT 1) l ON (true));


--
-- Name: VIEW schedule_status; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.schedule_status IS 'For each schedule, when it runs next and how it went last.';


--
-- Name: COLUMN schedule_status.next_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.schedule_status.next_at IS 'Null while it is disabled, or before the first tick.';


--
-- Name: COLUMN schedule_status.late; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.schedule_status.late IS 'How long the clock should have fired it by now; null if it has not.';


--
-- Name: COLUMN schedule_status.last_run_id; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.schedule_status.last_run_id IS 'See jobs.runs; null if it has never run.';


--
-- Name: COLUMN schedule_status.last_duration; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.schedule_status.last_duration IS 'Null while the run is going on.';


--
-- Name: COLUMN schedule_status.last_why; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.schedule_status.last_why IS 'Its error, or why it did nothing; null if neither.';


--
-- Name: stale_reports; Type: SEQUENCE; Schema: jobs; Owner: -
--

CREATE SEQUENCE jobs.stale_reports
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: SEQUENCE stale_reports; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON SEQUENCE jobs.stale_reports IS 'Reports of runs that others had by then; none changed anything.';


--
-- Name: tick_took; Type: SEQUENCE; Schema: jobs; Owner: -
--

CREATE SEQUENCE jobs.tick_took
    START WITH 0
    INCREMENT BY 1
    MINVALUE 0
    NO MAXVALUE
    CACHE 1;


--
-- Name: SEQUENCE tick_took; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON SEQUENCE jobs.tick_took IS 'How long the last jobs.tick took, in microseconds.';


--
-- Name: xmin_blockers; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.xmin_blockers AS
 SELECT h.held_by,
    h.what,
    h.xmin,
    h.since,
    (clock_timestamp() - h.since) AS age
   FROM jobs._horizon() h(held_by, what, xmin, since);


--
-- Name: VIEW xmin_blockers; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.xmin_blockers IS 'Who keeps vacuum from cleaning up: each one that holds an old snapshot, the oldest transaction number first by age(xmin). Whoever is at the top for long makes the queue''s tables grow.';


--
-- Name: COLUMN xmin_blockers.held_by; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.xmin_blockers.held_by IS 'backend 123 (a process), slot name (a replication slot), prepared gid (a prepared transaction).';


--
-- Name: COLUMN xmin_blockers.what; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.xmin_blockers.what IS 'Who that is, in words.';


--
-- Name: COLUMN xmin_blockers.xmin; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.xmin_blockers.xmin IS 'The oldest transaction that it may still want to see.';


--
-- Name: COLUMN xmin_blockers.since; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.xmin_blockers.since IS 'When its transaction began; null where that is not known, as of a slot.';


--
-- Name: metrics; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.metrics AS
 SELECT 'jobs_ready'::text AS metric,
    jsonb_build_object('queue', q.queue) AS labels,
    (c.ready)::double precision AS value
   FROM (jobs.queues q
     CROSS JOIN LATERAL ( SELECT count(*) AS ready
           FROM ( SELECT
                   FROM jobs.ready r_1
                  WHERE (r_1.queue = q.queue)
                 LIMIT 10001) r) c)
UNION ALL
 SELECT 'jobs_scheduled'::text AS metric,
    jsonb_build_object('queue', q.queue) AS labels,
    count(s.queue) AS value
   FROM (jobs.queues q
     LEFT JOIN ( SELECT s_1.queue
           FROM jobs.scheduled s_1
         LIMIT 10001) s ON ((s.queue = q.queue)))
  GROUP BY q.queue
UNION ALL
 SELECT 'jobs_running'::text AS metric,
    jsonb_build_object('queue', q.queue) AS labels,
    count(r.queue) AS value
   FROM (jobs.queues q
     LEFT JOIN jobs.running r ON ((r.queue = q.queue)))
  GROUP BY q.queue
UNION ALL
 SELECT 'jobs_dead'::text AS metric,
    jsonb_build_object('queue', q.queue) AS labels,
    count(d.queue) AS value
   FROM (jobs.queues q
     LEFT JOIN ( SELECT d_1.queue
           FROM jobs.dead_letters d_1
         LIMIT 10001) d ON ((d.queue = q.queue)))
  GROUP BY q.queue
UNION ALL
 SELECT 'jobs_oldest_ready_seconds'::text AS metric,
    jsonb_build_object('queue', q.queue, 'priority', b.priority) AS labels,
    COALESCE(EXTRACT(epoch FROM (jobs.clock() - min(l.oldest_at))), (0)::numeric) AS value
   FROM ((jobs.queues q
     CROSS JOIN generate_series(0, 3) b(priority))
     LEFT JOIN jobs.lines l ON (((l.queue = q.queue) AND (l.priority = b.priority))))
  GROUP BY q.queue, b.priority
UNION ALL
 SELECT 'jobs_paused_keys'::text AS metric,
    jsonb_build_object('queue', q.queue) AS labels,
    count(h.queue) AS value
   FROM (jobs.queues q
     LEFT JOIN jobs.held h ON (((h.queue = q.queue) AND (h.key IS NOT NULL))))
  GROUP BY q.queue
UNION ALL
 SELECT 'jobs_workers'::text AS metric,
    '{}'::jsonb AS labels,
    count(*) AS value
   FROM jobs.workers w
  WHERE ((w.stopped_at IS NULL) AND (w.lease_until > jobs.clock()))
UNION ALL
 SELECT 'jobs_deaf_workers'::text AS metric,
    '{}'::jsonb AS labels,
    count(*) AS value
   FROM jobs.workers w
  WHERE ((w.stopped_at IS NULL) AND (w.lease_until > jobs.clock()) AND (NOT w.hears))
UNION ALL
 SELECT 'jobs_tick_age_seconds'::text AS metric,
    '{}'::jsonb AS labels,
    (EXTRACT(epoch FROM jobs.clock()) - ((t.last_value)::numeric / 1000.0)) AS value
   FROM jobs.last_tick t
UNION ALL
 SELECT 'jobs_tick_seconds'::text AS metric,
    '{}'::jsonb AS labels,
    ((t.last_value)::numeric / '1000000'::numeric) AS value
   FROM jobs.tick_took t
UNION ALL
 SELECT 'jobs_schedule_late_seconds'::text AS metric,
    jsonb_build_object('schedule', s.schedule) AS labels,
    COALESCE(EXTRACT(epoch FROM s.late), (0)::numeric) AS value
   FROM jobs.schedule_status s
UNION ALL
 SELECT 'jobs_alerts'::text AS metric,
    jsonb_build_object('severity', s.severity) AS labels,
    count(a.alert_id) AS value
   FROM (( VALUES ('info'::text), ('warning'::text), ('critical'::text)) s(severity)
     LEFT JOIN jobs.alerts a ON (((a.severity = s.severity) AND (a.resolved_at IS NULL))))
  GROUP BY s.severity
UNION ALL
 SELECT 'jobs_xmin_age_seconds'::text AS metric,
    jsonb_build_object('held_by', k.kind) AS labels,
    COALESCE(EXTRACT(epoch FROM max(b.age)), (0)::numeric) AS value
   FROM (( VALUES ('backend'::text), ('prepared'::text)) k(kind)
     LEFT JOIN jobs.xmin_blockers b ON ((split_part(b.held_by, ' '::text, 1) = k.kind)))
  GROUP BY k.kind
UNION ALL
 SELECT 'jobs_xmin_age_transactions'::text AS metric,
    jsonb_build_object('held_by', k.kind) AS labels,
    COALESCE(max(age(b.xmin)), 0) AS value
   FROM (( VALUES ('backend'::text), ('slot'::text), ('prepared'::text)) k(kind)
     LEFT JOIN jobs.xmin_blockers b ON ((split_part(b.held_by, ' '::text, 1) = k.kind)))
  GROUP BY k.kind
UNION ALL
 SELECT 'jobs_dead_rows'::text AS metric,
    jsonb_build_object('table', t.relname) AS labels,
    t.n_dead_tup AS value
   FROM pg_stat_all_tables t
  WHERE ((t.schemaname = 'jobs'::name) AND (t.relname = ANY (ARRAY['ready'::name, 'scheduled'::name, 'parked'::name, 'running'::name, 'unique_keys'::name, 'buckets'::name, 'workers'::name])))
UNION ALL
 SELECT c.metric,
    '{}'::jsonb AS labels,
    (c.last_value - ((NOT c.is_called))::integer) AS value
   FROM ( SELECT 'jobs_lost_leases_total'::text AS metric,
            s.last_value,
            s.is_called
           FROM jobs.lost_leases s
        UNION ALL
         SELECT 'jobs_reaped_total'::text,
            s.last_value,
            s.is_called
           FROM jobs.reaped_jobs s
        UNION ALL
         SELECT 'jobs_stale_reports_total'::text,
            s.last_value,
            s.is_called
           FROM jobs.stale_reports s
        UNION ALL
         SELECT 'jobs_retried_runs_total'::text,
            s.last_value,
            s.is_called
           FROM jobs.retried_runs s
        UNION ALL
         SELECT 'jobs_died_total'::text,
            s.last_value,
            s.is_called
           FROM jobs.dead_jobs s
        UNION ALL
         SELECT 'jobs_denied_keys_total'::text,
            s.last_value,
            s.is_called
           FROM jobs.denied_keys s) c;


--
-- Name: VIEW metrics; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.metrics IS 'Figures to watch, one a row, in the units that their names end with; jobs.metric_names says what each is. Its cost does not grow with the jobs that wait.';


--
-- Name: COLUMN metrics.labels; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.metrics.labels IS 'What the figure is of: an object of names and values.';


--
-- Name: numbers; Type: SEQUENCE; Schema: jobs; Owner: -
--

CREATE SEQUENCE jobs.numbers
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    MAXVALUE 999999999
    CACHE 1
    CYCLE;


--
-- Name: SEQUENCE numbers; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON SEQUENCE jobs.numbers IS 'The last nine digits of job ids and of places in line.';


--
-- Name: overview; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.overview AS
 SELECT k.kind,
    k.queue,
    COALESCE(r.ready, (0)::bigint) AS ready,
    COALESCE(s.scheduled, (0)::bigint) AS scheduled,
    COALESCE(p.parked, (0)::bigint) AS parked,
    COALESCE(u.running, (0)::bigint) AS running,
    COALESCE(d.dead, (0)::bigint) AS dead,
    (jobs.clock() - r.oldest) AS oldest_ready,
    k.description
   FROM (((((jobs.kinds k
     LEFT JOIN ( SELECT r_1.kind,
            count(*) AS ready,
            min(r_1.ready_at) AS oldest
           FROM jobs.ready r_1
          GROUP BY r_1.kind) r ON ((r.kind = k.kind)))
     LEFT JOIN ( SELECT s_1.kind,
            count(*) AS scheduled
           FROM jobs.scheduled s_1
          GROUP BY s_1.kind) s ON ((s.kind = k.kind)))
     LEFT JOIN ( SELECT p_1.kind,
            count(*) AS parked
           FROM jobs.parked p_1
          GROUP BY p_1.kind) p ON ((p.kind = k.kind)))
     LEFT JOIN ( SELECT u_1.kind,
            count(*) AS running
           FROM jobs.running u_1
          GROUP BY u_1.kind) u ON ((u.kind = k.kind)))
     LEFT JOIN ( SELECT j.kind,
            count(*) AS dead
           FROM (jobs.dead_letters d_1
             JOIN jobs.jobs j ON ((j.job_id = d_1.job_id)))
          GROUP BY j.kind) d ON ((d.kind = k.kind)));


--
-- Name: VIEW overview; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.overview IS 'For each kind of job, how many there are of it in each state.';


--
-- Name: COLUMN overview.oldest_ready; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.overview.oldest_ready IS 'How long the first of its ready jobs has waited; null if none is ready.';


--
-- Name: waits; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.waits (
    job_id bigint NOT NULL,
    parent_id bigint NOT NULL,
    policy text NOT NULL,
    state text,
    CONSTRAINT waits_are_for_earlier_jobs CHECK ((parent_id < job_id)),
    CONSTRAINT waits_policy_is_known CHECK ((policy = ANY (ARRAY['on_success'::text, 'on_any'::text, 'on_failure'::text])))
);


--
-- Name: TABLE waits; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.waits IS 'Which jobs a job waits for, or waited for.';


--
-- Name: COLUMN waits.policy; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.waits.policy IS 'on_success: it is cancelled unless that one is done; on_any: that one has ended; on_failure: it is skipped unless one of those is not done.';


--
-- Name: COLUMN waits.state; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.waits.state IS 'How that one ended, as jobs.history calls it; null until it has.';


--
-- Name: parents; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.parents AS
 SELECT w.job_id,
    w.parent_id,
    w.policy,
    p.kind,
    w.state,
    e.result,
    e.reason,
    p.payload
   FROM ((jobs.waits w
     LEFT JOIN jobs.jobs p ON ((p.job_id = w.parent_id)))
     LEFT JOIN LATERAL ( SELECT h.result,
            h.reason
           FROM jobs.history h
          WHERE ((w.state IS NOT NULL) AND (h.job_id = w.parent_id) AND (h.state <> ALL (ARRAY['retry'::text, 'lost'::text])))
          ORDER BY h.run_no DESC
         LIMIT 1) e ON (true));


--
-- Name: VIEW parents; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.parents IS 'What each job waits for, or waited for, and what came of it. Ask by job_id, or by parent_id.';


--
-- Name: COLUMN parents.state; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.parents.state IS 'How the parent ended; null until it has.';


--
-- Name: COLUMN parents.result; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.parents.result IS 'Its answer; null above 8 kB, and where its settle function keeps what it needs.';


--
-- Name: COLUMN parents.reason; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.parents.reason IS 'Why the parent ended so; null if it was done.';


--
-- Name: pg_cron_entries; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.pg_cron_entries AS
 SELECT format('%s in %s'::text, e.name, current_database()) AS name,
    e.schedule,
    e.command,
    e.minutely,
    current_database() AS database
   FROM ( VALUES ('autom tick'::text,'1 second'::text,'select jobs.tick()'::text,'call jobs.tick_for_a_minute()'::text)) e(name, schedule, command, minutely);


--
-- Name: VIEW pg_cron_entries; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.pg_cron_entries IS 'What pg_cron has to do, if it is there. "autom schedule install" keeps its table in step with this. The schedules themselves are not here: jobs.tick fires them.';


--
-- Name: COLUMN pg_cron_entries.name; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.pg_cron_entries.name IS 'Its name there; databases of one server differ.';


--
-- Name: COLUMN pg_cron_entries.schedule; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.pg_cron_entries.schedule IS 'As pg_cron 1.5 and later says it.';


--
-- Name: COLUMN pg_cron_entries.command; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.pg_cron_entries.command IS 'What that runs.';


--
-- Name: COLUMN pg_cron_entries.minutely; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.pg_cron_entries.minutely IS 'What runs each minute instead, where pg_cron is older and knows no seconds.';


--
-- Name: queues_status; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.queues_status AS
 SELECT q.queue,
    (p.queue IS NOT NULL) AS paused,
    p.until AS paused_until,
    p.reason AS paused_why,
    COALESCE(r.ready, (0)::bigint) AS ready,
    COALESCE(s.scheduled, (0)::bigint) AS scheduled,
    COALESCE(u.running, (0)::bigint) AS running,
    COALESCE(d.dead, (0)::bigint) AS dead,
    (jobs.clock() - r.oldest) AS oldest_ready,
    w.workers,
    q.concurrency,
    q.max_running,
    k.paused_keys,
    b.blocked_keys,
    q.description
   FROM ((((((((jobs.queues q
     LEFT JOIN jobs.pauses p ON (((p.queue = q.queue) AND (p.key = ''::text) AND ((p.until IS NULL) OR (p.until > jobs.clock())))))
     LEFT JOIN ( SELECT r_1.queue,
            count(*) AS ready,
            min(r_1.ready_at) AS oldest
           FROM jobs.ready r_1
          GROUP BY r_1.queue) r ON ((r.queue = q.queue)))
     LEFT JOIN ( SELECT s_1.queue,
            count(*) AS scheduled
           FROM jobs.scheduled s_1
          GROUP BY s_1.queue) s ON ((s.queue = q.queue)))
     LEFT JOIN ( SELECT u_1.queue,
            count(*) AS running
           FROM jobs.running u_1
          GROUP BY u_1.queue) u ON ((u.queue = q.queue)))
     LEFT JOIN ( SELECT d_1.queue,
            count(*) AS dead
           FROM jobs.dead_letters d_1
          GROUP BY d_1.queue) d ON ((d.queue = q.queue)))
     CROSS JOIN LATERAL ( SELECT count(*) AS workers
           FROM jobs.workers w_1
          WHERE ((w_1.stopped_at IS NULL) AND (w_1.lease_until > jobs.clock()) AND (q.queue = ANY (w_1.queues)))) w)
     CROSS JOIN LATERAL ( SELECT count(*) AS paused_keys
           FROM jobs.pauses k_1
          WHERE ((k_1.queue = q.queue) AND (k_1.key <> ''::text) AND ((k_1.until IS NULL) OR (k_1.until > jobs.clock())))) k)
     CROSS JOIN LATERAL ( SELECT count(*) AS blocked_keys
           FROM jobs.buckets b_1
          WHERE ((b_1.queue = q.queue) AND (b_1.blocked_until > jobs.clock()))) b);


--
-- Name: VIEW queues_status; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.queues_status IS 'For each queue, what waits and runs in it, who serves it, and what holds it up.';


--
-- Name: COLUMN queues_status.paused_until; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.queues_status.paused_until IS 'Null until somebody resumes it, or if it is not paused.';


--
-- Name: COLUMN queues_status.oldest_ready; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.queues_status.oldest_ready IS 'How long the first of its ready jobs has waited; null if none is ready.';


--
-- Name: COLUMN queues_status.workers; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.queues_status.workers IS 'Workers that serve it and are alive.';


--
-- Name: COLUMN queues_status.concurrency; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.queues_status.concurrency IS 'Jobs that one worker works at once.';


--
-- Name: COLUMN queues_status.max_running; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.queues_status.max_running IS 'Jobs that all workers together work at once; null is no bound.';


--
-- Name: COLUMN queues_status.paused_keys; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.queues_status.paused_keys IS 'Keys that a person has paused.';


--
-- Name: COLUMN queues_status.blocked_keys; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.queues_status.blocked_keys IS 'Keys that a service has asked to leave alone for a while.';


--
-- Name: retention; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.retention (
    what text NOT NULL,
    keep interval NOT NULL,
    description text NOT NULL,
    CONSTRAINT retention_is_of_something_known CHECK ((what = ANY (ARRAY['days'::text, 'runs'::text, 'alerts'::text]))),
    CONSTRAINT retention_keeps_a_day_at_least CHECK ((keep >= '1 day'::interval))
);


--
-- Name: TABLE retention; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.retention IS 'How long things are kept. May be changed at any time.';


--
-- Name: COLUMN retention.keep; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.retention.keep IS 'Counted from the end of what is kept.';


--
-- Name: retention_status; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.retention_status AS
 SELECT t.what,
    t.keep,
        CASE t.what
            WHEN 'days'::text THEN ((( SELECT min(d.day) AS min
               FROM jobs.days d))::timestamp without time zone AT TIME ZONE 'UTC'::text)
            WHEN 'runs'::text THEN ( SELECT min(l.started_at) AS min
               FROM jobs.run_log l)
            WHEN 'alerts'::text THEN ( SELECT min(a.resolved_at) AS min
               FROM jobs.alerts a)
            ELSE NULL::timestamp with time zone
        END AS oldest,
    t.description
   FROM jobs.retention t;


--
-- Name: VIEW retention_status; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.retention_status IS 'How long things are kept; jobs.keep changes it.';


--
-- Name: COLUMN retention_status.keep; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.retention_status.keep IS 'Counted from the end of what is kept.';


--
-- Name: COLUMN retention_status.oldest; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.retention_status.oldest IS 'The oldest that is there; null if none is.';


--
-- Name: rolled_hours; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.rolled_hours (
    hour timestamp with time zone NOT NULL,
    seen xid8 NOT NULL,
    job_id bigint,
    rolled_at timestamp with time zone,
    CONSTRAINT rolled_hours_are_whole CHECK (((EXTRACT(epoch FROM hour) % (3600)::numeric) = (0)::numeric))
);


--
-- Name: TABLE rolled_hours; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.rolled_hours IS 'How far the sums of the history are.';


--
-- Name: COLUMN rolled_hours.seen; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.rolled_hours.seen IS 'Once every transaction below it has ended, none can add to the hour any more.';


--
-- Name: COLUMN rolled_hours.job_id; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.rolled_hours.job_id IS 'The job that sums the hour up; null until then.';


--
-- Name: COLUMN rolled_hours.rolled_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.rolled_hours.rolled_at IS 'When the sums were written; null until then.';


--
-- Name: run_log_run_id_seq; Type: SEQUENCE; Schema: jobs; Owner: -
--

ALTER TABLE jobs.run_log ALTER COLUMN run_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobs.run_log_run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: run_progress; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.run_progress AS
 SELECT j.run_id,
    j.kind,
    j.jobs,
    (j.jobs - COALESCE(u.unfinished, (0)::bigint)) AS ended,
    COALESCE(d.dead, (0)::bigint) AS dead
   FROM ((( SELECT j_1.run_id,
            j_1.kind,
            count(*) AS jobs
           FROM jobs.jobs j_1
          WHERE (j_1.run_id IS NOT NULL)
          GROUP BY j_1.run_id, j_1.kind) j
     LEFT JOIN ( SELECT w.run_id,
            w.kind,
            count(*) AS unfinished
           FROM ( SELECT r.run_id,
                    r.kind
                   FROM jobs.ready r
                  WHERE (r.run_id IS NOT NULL)
                UNION ALL
                 SELECT s.run_id,
                    s.kind
                   FROM jobs.scheduled s
                  WHERE (s.run_id IS NOT NULL)
                UNION ALL
                 SELECT p.run_id,
                    p.kind
                   FROM jobs.parked p
                  WHERE (p.run_id IS NOT NULL)
                UNION ALL
                 SELECT r.run_id,
                    r.kind
                   FROM jobs.running r
                  WHERE (r.run_id IS NOT NULL)) w
          GROUP BY w.run_id, w.kind) u ON (((u.run_id = j.run_id) AND (u.kind = j.kind))))
     LEFT JOIN ( SELECT j_1.run_id,
            j_1.kind,
            count(*) AS dead
           FROM (jobs.dead_letters d_1
             JOIN jobs.jobs j_1 ON ((j_1.job_id = d_1.job_id)))
          WHERE (j_1.run_id IS NOT NULL)
          GROUP BY j_1.run_id, j_1.kind) d ON (((d.run_id = j.run_id) AND (d.kind = j.kind))));


--
-- Name: VIEW run_progress; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.run_progress IS 'How far the jobs of each run are, by kind. Ask by run_id.';


--
-- Name: COLUMN run_progress.jobs; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.run_progress.jobs IS 'Jobs of the run so far: one that ends may enqueue more.';


--
-- Name: COLUMN run_progress.ended; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.run_progress.ended IS 'Jobs that have ended, however they did.';


--
-- Name: COLUMN run_progress.dead; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.run_progress.dead IS 'Jobs that ended badly and that nobody has retried.';


--
-- Name: runs; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.runs AS
 SELECT l.run_id,
    l.name,
    l.status,
    l.started_at,
    l.finished_at,
        CASE
            WHEN ((l.status = 'failed'::text) AND (l.error IS NOT NULL)) THEN 0
            ELSE GREATEST(0, (l.items - l.failed))
        END AS processed,
    l.failed,
    l.skipped,
    l.why,
    l.error,
    (COALESCE(l.finished_at, jobs.clock()) - l.started_at) AS duration
   FROM jobs.run_log l;


--
-- Name: VIEW runs; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.runs IS 'Every run of a schedule, whoever began it: the one log for all systems.';


--
-- Name: COLUMN runs.status; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.runs.status IS 'running; succeeded; partly, where some of its jobs are dead; failed; skipped, where there was nothing to do.';


--
-- Name: COLUMN runs.finished_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.runs.finished_at IS 'When the last of its jobs had ended; null while it is running.';


--
-- Name: COLUMN runs.processed; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.runs.processed IS 'Units that the run decided on, less those that failed.';


--
-- Name: COLUMN runs.failed; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.runs.failed IS 'Jobs of the run that are dead.';


--
-- Name: COLUMN runs.skipped; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.runs.skipped IS 'Units that the run decided to leave alone.';


--
-- Name: COLUMN runs.why; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.runs.why IS 'Why nothing, or less, was done; null if there is nothing to say.';


--
-- Name: COLUMN runs.error; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.runs.error IS 'What the schedule''s function raised; null if it did not.';


--
-- Name: COLUMN runs.duration; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.runs.duration IS 'So far, while it is running.';


--
-- Name: staging; Type: TABLE; Schema: jobs; Owner: -
--

CREATE UNLOGGED TABLE jobs.staging (
    load_id text NOT NULL,
    line bigint NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    key text,
    tenant uuid,
    unique_key text
);


--
-- Name: TABLE staging; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.staging IS 'Where many jobs are copied to before jobs.enqueue_staged puts them in line. Not in the write-ahead log: after a crash of the server it is empty.';


--
-- Name: COLUMN staging.load_id; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.staging.load_id IS 'Any text that the loader makes up, so that two do not mix.';


--
-- Name: staging_line_seq; Type: SEQUENCE; Schema: jobs; Owner: -
--

ALTER TABLE jobs.staging ALTER COLUMN line ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobs.staging_line_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: steps; Type: TABLE; Schema: jobs; Owner: -
--

CREATE TABLE jobs.steps (
    job_id bigint NOT NULL,
    step text NOT NULL,
    begun_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone,
    value jsonb
);


--
-- Name: TABLE steps; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON TABLE jobs.steps IS 'How far a job is that goes in steps: what is done is not done again, whoever runs it next.';


--
-- Name: COLUMN steps.done_at; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.steps.done_at IS 'Null where it was begun and nobody has said how that ended: it may have happened.';


--
-- Name: COLUMN steps.value; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.steps.value IS 'What came of it; for a sleep, until when.';


--
-- Name: whereabouts; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.whereabouts AS
 SELECT j.job_id,
    j.kind,
    COALESCE(n.state, h.state) AS state,
    j.queue,
    j.key,
    j.tenant,
    COALESCE(n.priority, j.priority) AS priority,
    COALESCE(n.runs, h.run_no) AS runs,
    COALESCE(n.failures, h.failures) AS failures,
    k.max_attempts,
    COALESCE(n.since, h.finished_at) AS since,
    w.name AS worker,
    h.code,
    COALESCE(n.why, h.reason) AS why,
    (d.job_id IS NOT NULL) AS dead,
    j.run_id,
    j.created_at,
    j.unique_key,
    h.result,
    j.payload
   FROM (((((jobs.jobs j
     JOIN jobs.kinds k ON ((k.kind = j.kind)))
     LEFT JOIN LATERAL ( SELECT 'ready'::text AS state,
            r.ready_at AS since,
            r.run_no AS runs,
            r.failures,
            r.priority,
            NULL::integer AS worker_id,
            NULL::text AS why
           FROM jobs.ready r
          WHERE ((r.queue = j.queue) AND (r.priority = j.priority) AND (r.key = j.key) AND (r.seq = j.job_id))
        UNION ALL
         SELECT 'ready'::text,
            r.ready_at,
            r.run_no,
            r.failures,
            r.priority,
            NULL::integer,
            NULL::text
           FROM jobs.ready r
          WHERE ((r.job_id = j.job_id) AND (r.seq <> r.job_id))
        UNION ALL
         SELECT 'scheduled'::text,
            s.run_at,
            s.run_no,
            s.failures,
            s.priority,
            NULL::integer,
            s.why
           FROM jobs.scheduled s
          WHERE (s.job_id = j.job_id)
        UNION ALL
         SELECT 'parked'::text,
            p.parked_at,
            p.run_no,
            p.failures,
            p.priority,
            NULL::integer,
            p.why
           FROM jobs.parked p
          WHERE (p.job_id = j.job_id)
        UNION ALL
         SELECT
                CASE
                    WHEN (r.cancel_reason IS NULL) THEN 'running'::text
                    ELSE 'cancelling'::text
                END AS "case",
            r.started_at,
            r.run_no,
            r.failures,
            r.priority,
            r.worker_id,
            r.cancel_reason
           FROM jobs.running r
          WHERE (r.job_id = j.job_id)
 LIMIT 1) n ON (true))
     LEFT JOIN LATERAL ( SELECT h_1.state,
            h_1.finished_at,
            h_1.run_no,
            h_1.failures,
            h_1.worker_id,
            h_1.code,
            h_1.reason,
            h_1.result
           FROM jobs.history h_1
          WHERE ((n.state IS NULL) AND (h_1.job_id = j.job_id) AND (h_1.state <> ALL (ARRAY['retry'::text, 'lost'::text])))
          ORDER BY h_1.run_no DESC
         LIMIT 1) h ON (true))
     LEFT JOIN jobs.workers w ON ((w.worker_id = COALESCE(n.worker_id, h.worker_id))))
     LEFT JOIN jobs.dead_letters d ON ((d.job_id = j.job_id)));


--
-- Name: VIEW whereabouts; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.whereabouts IS 'Every job once: where it is now, or how it ended. Ask by job_id or run_id, or in the order of job_id; jobs.find looks by state.';


--
-- Name: COLUMN whereabouts.state; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.whereabouts.state IS 'ready, scheduled, parked, running, cancelling; or how it ended: done, failed, skipped, cancelled, unknown.';


--
-- Name: COLUMN whereabouts.tenant; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.whereabouts.tenant IS 'The user it works for; null is the house itself.';


--
-- Name: COLUMN whereabouts.priority; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.whereabouts.priority IS '0 urgent, 1 high, 2 normal, 3 idle.';


--
-- Name: COLUMN whereabouts.runs; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.whereabouts.runs IS 'How often it was claimed.';


--
-- Name: COLUMN whereabouts.failures; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.whereabouts.failures IS 'Runs of it that failed or crashed, since it was last retried.';


--
-- Name: COLUMN whereabouts.since; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.whereabouts.since IS 'When it became ready, was parked, began to run or ended; for a scheduled one, when its time comes.';


--
-- Name: COLUMN whereabouts.worker; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.whereabouts.worker IS 'Who has it, or had it when it ended; null if nobody.';


--
-- Name: COLUMN whereabouts.code; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.whereabouts.code IS 'The kind of error that ended it, as its worker called it; null if none or it had no name.';


--
-- Name: COLUMN whereabouts.why; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.whereabouts.why IS 'Why it waits, or why it ended so; null if there is nothing to say.';


--
-- Name: COLUMN whereabouts.dead; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.whereabouts.dead IS 'It ended badly, and nobody has retried it.';


--
-- Name: COLUMN whereabouts.run_id; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.whereabouts.run_id IS 'The run it belongs to, see jobs.runs; null if to none.';


--
-- Name: COLUMN whereabouts.result; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.whereabouts.result IS 'The answer; null above 8 kB, and where the settle function keeps what it needs.';


--
-- Name: work; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.work AS
 SELECT k.kind,
    k.queue,
    q.concurrency,
    ((k.prepare IS NULL) AND (k.settle IS NULL)) AS in_bulk,
    k.in_sql,
    k.timeout
   FROM (jobs.kinds k
     JOIN jobs.queues q ON ((q.queue = k.queue)));


--
-- Name: VIEW work; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.work IS 'What a worker has to know about each kind of job.';


--
-- Name: COLUMN work.concurrency; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.work.concurrency IS 'Jobs of the whole queue that one worker works at once.';


--
-- Name: COLUMN work.in_bulk; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.work.in_bulk IS 'The kind neither prepares nor settles: its payload is the request, and jobs.complete_many ends it.';


--
-- Name: COLUMN work.in_sql; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.work.in_sql IS 'Its prepare function is all of the work.';


--
-- Name: COLUMN work.timeout; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.work.timeout IS 'How long one call may take before the worker stops it.';


--
-- Name: workers_status; Type: VIEW; Schema: jobs; Owner: -
--

CREATE VIEW jobs.workers_status AS
 SELECT w.worker_id,
    w.name,
    w.queues,
    (w.lease_until > jobs.clock()) AS alive,
    w.started_at,
    w.lease_until,
    COALESCE(r.running, (0)::bigint) AS running,
    w.kinds,
    w.hears
   FROM (jobs.workers w
     LEFT JOIN ( SELECT r_1.worker_id,
            count(*) AS running
           FROM jobs.running r_1
          GROUP BY r_1.worker_id) r ON ((r.worker_id = w.worker_id)))
  WHERE (w.stopped_at IS NULL);


--
-- Name: VIEW workers_status; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON VIEW jobs.workers_status IS 'The workers that have not said goodbye.';


--
-- Name: COLUMN workers_status.alive; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.workers_status.alive IS 'False once its lease has run out: the next tick gives its jobs to others.';


--
-- Name: COLUMN workers_status.lease_until; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.workers_status.lease_until IS 'Each heartbeat moves it on.';


--
-- Name: COLUMN workers_status.running; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.workers_status.running IS 'Jobs that it has in hand.';


--
-- Name: COLUMN workers_status.kinds; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.workers_status.kinds IS 'Kinds that it has a handler for; null where it did not say.';


--
-- Name: COLUMN workers_status.hears; Type: COMMENT; Schema: jobs; Owner: -
--

COMMENT ON COLUMN jobs.workers_status.hears IS 'Notifications reach it; where they do not, it polls. Null until it has said so.';


--
-- Name: workers_worker_id_seq; Type: SEQUENCE; Schema: jobs; Owner: -
--

ALTER TABLE jobs.workers ALTER COLUMN worker_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobs.workers_worker_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: ai_calls; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.ai_calls (
    user_id uuid NOT NULL,
    ai_call_id bigint NOT NULL,
    shop_id uuid NOT NULL,
    product_id bigint NOT NULL,
    job_id bigint NOT NULL,
    month date NOT NULL,
    task text NOT NULL,
    model text NOT NULL,
    quality text NOT NULL,
    input_hash text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    ceiling bigint NOT NULL,
    cost bigint,
    input_tokens bigint,
    output_tokens bigint,
    request_id text,
    started_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT ai_calls_cost_is_not_negative CHECK ((cost >= 0)),
    CONSTRAINT ai_calls_ended_have_a_cost CHECK (((state = 'open'::text) = (cost IS NULL))),
    CONSTRAINT ai_calls_state_is_known CHECK ((state = ANY (ARRAY['open'::text, 'paid'::text, 'not_charged'::text, 'unknown'::text])))
);

ALTER TABLE ONLY shops.ai_calls FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE ai_calls; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.ai_calls IS 'Every call of an AI model and its cost in micro-USD.';


--
-- Name: COLUMN ai_calls.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.user_id IS 'The tenant.';


--
-- Name: COLUMN ai_calls.ai_call_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.ai_call_id IS 'The call.';


--
-- Name: COLUMN ai_calls.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.shop_id IS 'The shop it was for.';


--
-- Name: COLUMN ai_calls.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.product_id IS 'The product it was for.';


--
-- Name: COLUMN ai_calls.job_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.job_id IS 'The job that called.';


--
-- Name: COLUMN ai_calls.month; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.month IS 'First day of the UTC month whose budget it counts against.';


--
-- Name: COLUMN ai_calls.task; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.task IS 'image or text.';


--
-- Name: COLUMN ai_calls.model; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.model IS 'The model.';


--
-- Name: COLUMN ai_calls.quality; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.quality IS 'Image quality; any for text.';


--
-- Name: COLUMN ai_calls.input_hash; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.input_hash IS 'SHA-256 of what was asked, in hex.';


--
-- Name: COLUMN ai_calls.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.state IS 'open while under way, paid, not_charged (the service refused), or unknown (it may have been charged: counts as its ceiling).';


--
-- Name: COLUMN ai_calls.ceiling; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.ceiling IS 'What it could cost at most when it was allowed.';


--
-- Name: COLUMN ai_calls.cost; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.cost IS 'What it cost: usage times the model''s prices at that time, rounded up.';


--
-- Name: COLUMN ai_calls.input_tokens; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.input_tokens IS 'Input tokens, as the service counted.';


--
-- Name: COLUMN ai_calls.output_tokens; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.output_tokens IS 'Output tokens, as the service counted.';


--
-- Name: COLUMN ai_calls.request_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.request_id IS 'The service''s id of the request.';


--
-- Name: COLUMN ai_calls.started_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.started_at IS 'When the call was allowed.';


--
-- Name: COLUMN ai_calls.ended_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.ai_calls.ended_at IS 'When its outcome was known.';


--
-- Name: ai_calls_ai_call_id_seq; Type: SEQUENCE; Schema: shops; Owner: -
--

ALTER TABLE shops.ai_calls ALTER COLUMN ai_call_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shops.ai_calls_ai_call_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: shops; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.shops (
    user_id uuid NOT NULL,
    shop_id uuid DEFAULT gen_random_uuid() NOT NULL,
    program text DEFAULT 'pod_autom'::text NOT NULL,
    name text NOT NULL,
    domain text NOT NULL,
    time_zone text DEFAULT 'Europe/Berlin'::text NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT shops_domain_is_a_host_name CHECK (((domain = lower(domain)) AND (domain ~ '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?$'::text))),
    CONSTRAINT shops_name_is_not_empty CHECK ((btrim(name) <> ''::text)),
    CONSTRAINT shops_program_is_known CHECK ((program = ANY (ARRAY['pod_autom'::text, 'reboss'::text])))
);

ALTER TABLE ONLY shops.shops FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE shops; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.shops IS 'A merchant''s shop, and which program runs it.';


--
-- Name: COLUMN shops.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shops.user_id IS 'The tenant: the user who owns the shop.';


--
-- Name: COLUMN shops.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shops.shop_id IS 'The shop''s id, safe to show outside.';


--
-- Name: COLUMN shops.program; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shops.program IS 'pod_autom makes products, reboss rotates a catalogue.';


--
-- Name: COLUMN shops.name; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shops.name IS 'What people call the shop.';


--
-- Name: COLUMN shops.domain; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shops.domain IS 'Host name of the storefront, in lower case; product links are https://<domain>/products/<handle>.';


--
-- Name: COLUMN shops.time_zone; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shops.time_zone IS 'Where the shop''s days begin and end, as in pg_timezone_names.';


--
-- Name: COLUMN shops.enabled; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shops.enabled IS 'False stops every job of the shop; the skip reason is then disabled.';


--
-- Name: COLUMN shops.created_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shops.created_at IS 'When the shop was added.';


--
-- Name: api_costs; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.api_costs WITH (security_invoker='true') AS
 SELECT c.user_id,
    c.shop_id,
    s.name AS shop,
    c.month,
    c.task,
    c.model,
    (count(*))::integer AS calls,
    (count(*) FILTER (WHERE (c.state = 'open'::text)))::integer AS open,
    (count(*) FILTER (WHERE (c.state = 'unknown'::text)))::integer AS unknown,
    ((count(*) - count(DISTINCT ROW(c.product_id, c.input_hash))))::integer AS repeated,
    (COALESCE(sum(c.input_tokens), (0)::numeric))::bigint AS input_tokens,
    (COALESCE(sum(c.output_tokens), (0)::numeric))::bigint AS output_tokens,
    (COALESCE(sum(c.cost), (0)::numeric))::bigint AS cost
   FROM (shops.ai_calls c
     JOIN shops.shops s ON (((s.user_id = c.user_id) AND (s.shop_id = c.shop_id))))
  GROUP BY c.user_id, c.shop_id, s.name, c.month, c.task, c.model;


--
-- Name: VIEW api_costs; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.api_costs IS 'What AI cost each shop, by UTC month, task and model, in micro-USD (1,000,000 = 1 USD).';


--
-- Name: COLUMN api_costs.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.api_costs.user_id IS 'The owner.';


--
-- Name: COLUMN api_costs.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.api_costs.shop_id IS 'The shop.';


--
-- Name: COLUMN api_costs.shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.api_costs.shop IS 'Its name.';


--
-- Name: COLUMN api_costs.month; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.api_costs.month IS 'First day of the month.';


--
-- Name: COLUMN api_costs.task; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.api_costs.task IS 'image or text.';


--
-- Name: COLUMN api_costs.model; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.api_costs.model IS 'The model.';


--
-- Name: COLUMN api_costs.calls; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.api_costs.calls IS 'Calls that were allowed.';


--
-- Name: COLUMN api_costs.open; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.api_costs.open IS 'Of these: under way.';


--
-- Name: COLUMN api_costs.unknown; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.api_costs.unknown IS 'Of these: cut off; they count as the most they may have cost.';


--
-- Name: COLUMN api_costs.repeated; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.api_costs.repeated IS 'Of these: asked for what had been asked before, after a refusal, a fault or a bad answer.';


--
-- Name: COLUMN api_costs.input_tokens; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.api_costs.input_tokens IS 'Input tokens.';


--
-- Name: COLUMN api_costs.output_tokens; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.api_costs.output_tokens IS 'Output tokens.';


--
-- Name: COLUMN api_costs.cost; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.api_costs.cost IS 'Micro-USD.';


--
-- Name: boards; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.boards (
    user_id uuid NOT NULL,
    shop_id uuid NOT NULL,
    board_id text NOT NULL,
    name text NOT NULL,
    seen_at timestamp with time zone DEFAULT jobs.clock() NOT NULL
);

ALTER TABLE ONLY shops.boards FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE boards; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.boards IS 'The Pinterest boards that a shop''s connection saw when it looked last.';


--
-- Name: COLUMN boards.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.boards.user_id IS 'The tenant.';


--
-- Name: COLUMN boards.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.boards.shop_id IS 'The shop.';


--
-- Name: COLUMN boards.board_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.boards.board_id IS 'Pinterest''s id.';


--
-- Name: COLUMN boards.name; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.boards.name IS 'Its name.';


--
-- Name: COLUMN boards.seen_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.boards.seen_at IS 'When it was last in the list.';


--
-- Name: budget_months; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.budget_months (
    user_id uuid NOT NULL,
    month date NOT NULL,
    held bigint DEFAULT 0 NOT NULL,
    spent bigint DEFAULT 0 NOT NULL,
    CONSTRAINT budget_held_is_not_negative CHECK ((held >= 0)),
    CONSTRAINT budget_month_is_the_first_of_a_month CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT budget_spent_is_not_negative CHECK ((spent >= 0))
);

ALTER TABLE ONLY shops.budget_months FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE budget_months; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.budget_months IS 'A user''s AI cost of a UTC month, in micro-USD: the row is the lock under which calls are allowed. shops.budget_proof compares it with its parts.';


--
-- Name: COLUMN budget_months.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget_months.user_id IS 'The tenant.';


--
-- Name: COLUMN budget_months.month; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget_months.month IS 'First day of the month, UTC.';


--
-- Name: COLUMN budget_months.held; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget_months.held IS 'Ceilings of the calls that are under way.';


--
-- Name: COLUMN budget_months.spent; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget_months.spent IS 'What ended calls cost.';


--
-- Name: budgets; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.budgets (
    user_id uuid NOT NULL,
    monthly bigint NOT NULL,
    CONSTRAINT budgets_are_not_negative CHECK ((monthly >= 0))
);

ALTER TABLE ONLY shops.budgets FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE budgets; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.budgets IS 'A user''s own limit of AI cost, in place of the plan''s.';


--
-- Name: COLUMN budgets.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budgets.user_id IS 'The tenant.';


--
-- Name: COLUMN budgets.monthly; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budgets.monthly IS 'Micro-USD in a UTC month.';


--
-- Name: plan_budgets; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.plan_budgets (
    plan text NOT NULL,
    monthly bigint NOT NULL,
    CONSTRAINT plan_budgets_are_not_negative CHECK ((monthly >= 0))
);


--
-- Name: TABLE plan_budgets; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.plan_budgets IS 'What a plan''s users may spend on AI in a month, where shops.budgets has no row of theirs.';


--
-- Name: COLUMN plan_budgets.plan; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.plan_budgets.plan IS 'The plan, as accounts.entitlements names it.';


--
-- Name: COLUMN plan_budgets.monthly; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.plan_budgets.monthly IS 'Micro-USD in a UTC month.';


--
-- Name: budget; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.budget WITH (security_invoker='true') AS
 SELECT e.user_id,
    shops._month() AS month,
    COALESCE(b.monthly, p.monthly, (0)::bigint) AS monthly,
    COALESCE(m.held, (0)::bigint) AS held,
    COALESCE(m.spent, (0)::bigint) AS spent,
    GREATEST(((COALESCE(b.monthly, p.monthly, (0)::bigint) - COALESCE(m.held, (0)::bigint)) - COALESCE(m.spent, (0)::bigint)), (0)::bigint) AS budget_left
   FROM (((accounts.entitlements e
     LEFT JOIN shops.budgets b ON ((b.user_id = e.user_id)))
     LEFT JOIN shops.plan_budgets p ON ((p.plan = e.plan)))
     LEFT JOIN shops.budget_months m ON (((m.user_id = e.user_id) AND (m.month = shops._month()))));


--
-- Name: VIEW budget; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.budget IS 'What each user may still spend on AI this UTC month, in micro-USD (1,000,000 = 1 USD).';


--
-- Name: COLUMN budget.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget.user_id IS 'The user.';


--
-- Name: COLUMN budget.month; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget.month IS 'First day of the month.';


--
-- Name: COLUMN budget.monthly; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget.monthly IS 'What may be spent: the user''s own limit, else the plan''s, else nothing.';


--
-- Name: COLUMN budget.held; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget.held IS 'Ceilings of the calls that are under way.';


--
-- Name: COLUMN budget.spent; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget.spent IS 'What ended calls cost.';


--
-- Name: COLUMN budget.budget_left; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget.budget_left IS 'What is left.';


--
-- Name: budget_proof; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.budget_proof WITH (security_invoker='true') AS
 SELECT COALESCE(m.user_id, c.user_id) AS user_id,
    COALESCE(m.month, c.month) AS month,
    COALESCE(m.held, (0)::bigint) AS held,
    COALESCE(c.held, (0)::numeric) AS held_by_calls,
    COALESCE(m.spent, (0)::bigint) AS spent,
    COALESCE(c.spent, (0)::numeric) AS spent_by_calls
   FROM (shops.budget_months m
     FULL JOIN ( SELECT c_1.user_id,
            c_1.month,
            COALESCE(sum(c_1.ceiling) FILTER (WHERE (c_1.state = 'open'::text)), (0)::numeric) AS held,
            COALESCE(sum(c_1.cost), (0)::numeric) AS spent
           FROM shops.ai_calls c_1
          GROUP BY c_1.user_id, c_1.month) c ON (((c.user_id = m.user_id) AND (c.month = m.month))))
  WHERE (((COALESCE(m.held, (0)::bigint))::numeric <> COALESCE(c.held, (0)::numeric)) OR ((COALESCE(m.spent, (0)::bigint))::numeric <> COALESCE(c.spent, (0)::numeric)));


--
-- Name: VIEW budget_proof; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.budget_proof IS 'Months whose AI budget totals differ from the calls. Empty: every total is right. Micro-USD.';


--
-- Name: COLUMN budget_proof.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget_proof.user_id IS 'The user.';


--
-- Name: COLUMN budget_proof.month; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget_proof.month IS 'The month.';


--
-- Name: COLUMN budget_proof.held; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget_proof.held IS 'The total held.';


--
-- Name: COLUMN budget_proof.held_by_calls; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget_proof.held_by_calls IS 'Ceilings of the open calls.';


--
-- Name: COLUMN budget_proof.spent; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget_proof.spent IS 'The total spent.';


--
-- Name: COLUMN budget_proof.spent_by_calls; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.budget_proof.spent_by_calls IS 'What ended calls cost.';


--
-- Name: campaigns; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.campaigns (
    user_id uuid NOT NULL,
    campaign_id bigint NOT NULL,
    shop_id uuid NOT NULL,
    product_id bigint NOT NULL,
    connection_id uuid NOT NULL,
    ad_account_id text NOT NULL,
    external_id text NOT NULL,
    name text NOT NULL,
    daily_budget bigint NOT NULL,
    currency text NOT NULL,
    paused_by text,
    paused_reason text,
    raised_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT campaigns_are_paused_by_somebody CHECK ((paused_by = ANY (ARRAY['user'::text, 'rule'::text]))),
    CONSTRAINT campaigns_budget_is_positive CHECK ((daily_budget > 0)),
    CONSTRAINT campaigns_currency_is_three_capital_letters CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT campaigns_paused_say_why CHECK (((paused_by IS NULL) = (paused_reason IS NULL)))
);

ALTER TABLE ONLY shops.campaigns FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE campaigns; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.campaigns IS 'Pinterest campaigns that advertise a product and whose budget AutoM may raise.';


--
-- Name: COLUMN campaigns.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.user_id IS 'The tenant.';


--
-- Name: COLUMN campaigns.campaign_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.campaign_id IS 'The campaign.';


--
-- Name: COLUMN campaigns.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.shop_id IS 'The shop.';


--
-- Name: COLUMN campaigns.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.product_id IS 'The product that it advertises.';


--
-- Name: COLUMN campaigns.connection_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.connection_id IS 'The Pinterest connection that it is reached by.';


--
-- Name: COLUMN campaigns.ad_account_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.ad_account_id IS 'Pinterest''s id of the ad account.';


--
-- Name: COLUMN campaigns.external_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.external_id IS 'Pinterest''s id of the campaign.';


--
-- Name: COLUMN campaigns.name; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.name IS 'What people call it.';


--
-- Name: COLUMN campaigns.daily_budget; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.daily_budget IS 'Daily spend cap in minor units: 1000 is 10.00.';


--
-- Name: COLUMN campaigns.currency; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.currency IS 'Currency of daily_budget.';


--
-- Name: COLUMN campaigns.paused_by; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.paused_by IS 'Null: nobody here paused it. rule: its product stopped winning. user: a person did. No job ever restarts one.';


--
-- Name: COLUMN campaigns.paused_reason; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.paused_reason IS 'Why it is paused.';


--
-- Name: COLUMN campaigns.raised_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.raised_at IS 'When AutoM raised it last; the cool-down counts from here.';


--
-- Name: COLUMN campaigns.created_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.campaigns.created_at IS 'When it was connected.';


--
-- Name: campaigns_campaign_id_seq; Type: SEQUENCE; Schema: shops; Owner: -
--

ALTER TABLE shops.campaigns ALTER COLUMN campaign_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shops.campaigns_campaign_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: niches; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.niches (
    user_id uuid NOT NULL,
    niche_id bigint NOT NULL,
    shop_id uuid NOT NULL,
    name text NOT NULL,
    slug text NOT NULL,
    active boolean DEFAULT true NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    language text DEFAULT 'en'::text NOT NULL,
    daily_limit integer,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT niches_daily_limit_is_not_negative CHECK ((daily_limit >= 0)),
    CONSTRAINT niches_language_is_two_letters CHECK ((language ~ '^[a-z]{2}$'::text)),
    CONSTRAINT niches_name_is_not_empty CHECK ((btrim(name) <> ''::text)),
    CONSTRAINT niches_slug_is_usable_in_a_link CHECK ((slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text))
);

ALTER TABLE ONLY shops.niches FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE niches; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.niches IS 'What a shop makes products about.';


--
-- Name: COLUMN niches.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.niches.user_id IS 'The tenant.';


--
-- Name: COLUMN niches.niche_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.niches.niche_id IS 'The niche.';


--
-- Name: COLUMN niches.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.niches.shop_id IS 'The shop it belongs to.';


--
-- Name: COLUMN niches.name; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.niches.name IS 'Takes the place of {niche} in a prompt.';


--
-- Name: COLUMN niches.slug; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.niches.slug IS 'The name as it stands in handles and tags.';


--
-- Name: COLUMN niches.active; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.niches.active IS 'Only active niches get products.';


--
-- Name: COLUMN niches.priority; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.niches.priority IS 'Higher comes first where a split leaves a remainder, and where the plan allows fewer niches.';


--
-- Name: COLUMN niches.language; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.niches.language IS 'Language of title and description, ISO 639-1.';


--
-- Name: COLUMN niches.daily_limit; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.niches.daily_limit IS 'Products a day at most; null: no limit of its own.';


--
-- Name: COLUMN niches.created_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.niches.created_at IS 'When the niche was added.';


--
-- Name: product_states; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.product_states (
    state text NOT NULL,
    "position" integer NOT NULL,
    time_limit interval,
    starts text[] DEFAULT '{}'::text[] NOT NULL,
    description text NOT NULL
);


--
-- Name: TABLE product_states; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.product_states IS 'The states of a product, in the order of its life.';


--
-- Name: COLUMN product_states.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.product_states.state IS 'The state.';


--
-- Name: COLUMN product_states."position"; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.product_states."position" IS 'Where it stands in a product''s life.';


--
-- Name: COLUMN product_states.time_limit; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.product_states.time_limit IS 'A product that stays longer is in shops.stuck; null: it may stay for ever.';


--
-- Name: COLUMN product_states.starts; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.product_states.starts IS 'Origins of products that may begin in this state.';


--
-- Name: COLUMN product_states.description; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.product_states.description IS 'What is true of a product in this state.';


--
-- Name: products; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.products (
    user_id uuid NOT NULL,
    product_id bigint NOT NULL,
    shop_id uuid NOT NULL,
    niche_id bigint,
    parent_product_id bigint,
    origin text NOT NULL,
    run_id bigint,
    planned_on date,
    state text NOT NULL,
    state_since timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    failed_in text,
    failed_reason text,
    quota_state text DEFAULT 'none'::text NOT NULL,
    quota_month date,
    handle text NOT NULL,
    sku text,
    title text,
    description text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    price_minor bigint,
    currency text,
    image_version integer,
    title_version integer,
    description_version integer,
    optimization_status text,
    resource_url text,
    product_gid text,
    variant_gid text,
    image_url text,
    shop_status text,
    first_tracked_at timestamp with time zone,
    published_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT products_currency_is_three_capital_letters CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT products_failed_hold_no_quota CHECK (((state <> 'failed'::text) OR (quota_state <> 'held'::text))),
    CONSTRAINT products_failed_say_where_and_why CHECK (((state <> 'failed'::text) OR ((failed_in IS NOT NULL) AND (failed_reason IS NOT NULL)))),
    CONSTRAINT products_handle_is_not_empty CHECK ((handle <> ''::text)),
    CONSTRAINT products_hold_quota_until_made CHECK (((state <> ALL (ARRAY['planned'::text, 'drawn'::text, 'written'::text, 'uploaded'::text])) OR (quota_state = 'held'::text))),
    CONSTRAINT products_made_here_have_a_day CHECK (((origin = 'imported'::text) = (planned_on IS NULL))),
    CONSTRAINT products_made_here_have_a_gid CHECK (((origin = 'imported'::text) OR (state = ANY (ARRAY['planned'::text, 'drawn'::text, 'written'::text, 'uploaded'::text, 'failed'::text])) OR (product_gid IS NOT NULL))),
    CONSTRAINT products_made_here_have_a_niche CHECK (((origin = 'imported'::text) OR (niche_id IS NOT NULL))),
    CONSTRAINT products_optimization_is_known CHECK ((optimization_status = ANY (ARRAY['pending'::text, 'optimized'::text, 'failed'::text]))),
    CONSTRAINT products_origin_is_known CHECK ((origin = ANY (ARRAY['planned'::text, 'imported'::text, 'variation'::text]))),
    CONSTRAINT products_price_has_a_currency CHECK (((price_minor IS NULL) OR (currency IS NOT NULL))),
    CONSTRAINT products_price_is_not_negative CHECK ((price_minor >= 0)),
    CONSTRAINT products_quota_has_its_month CHECK (((quota_state = 'none'::text) = (quota_month IS NULL))),
    CONSTRAINT products_quota_is_for_made_ones CHECK (((origin = 'imported'::text) = (quota_state = 'none'::text))),
    CONSTRAINT products_quota_is_known CHECK ((quota_state = ANY (ARRAY['none'::text, 'held'::text, 'used'::text, 'released'::text]))),
    CONSTRAINT products_shop_status_is_known CHECK ((shop_status = ANY (ARRAY['DRAFT'::text, 'ACTIVE'::text, 'ARCHIVED'::text, 'UNLISTED'::text]))),
    CONSTRAINT products_use_quota_once_made CHECK (((origin = 'imported'::text) OR (state = ANY (ARRAY['planned'::text, 'drawn'::text, 'written'::text, 'uploaded'::text, 'failed'::text])) OR (quota_state = 'used'::text))),
    CONSTRAINT products_variation_has_a_parent CHECK (((origin <> 'variation'::text) OR (parent_product_id IS NOT NULL)))
);

ALTER TABLE ONLY shops.products FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE products; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.products IS 'Products: planned and made by AutoM, variations of winners, and imported ones. Move them by functions only.';


--
-- Name: COLUMN products.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.user_id IS 'The tenant.';


--
-- Name: COLUMN products.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.product_id IS 'The product.';


--
-- Name: COLUMN products.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.shop_id IS 'The shop it is in.';


--
-- Name: COLUMN products.niche_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.niche_id IS 'What it is about; null for imported ones.';


--
-- Name: COLUMN products.parent_product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.parent_product_id IS 'The winner that this is a variation of.';


--
-- Name: COLUMN products.origin; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.origin IS 'planned by a run, imported from a file, or a variation of a winner.';


--
-- Name: COLUMN products.run_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.run_id IS 'The run of jobs.runs that planned it; null: planned by hand.';


--
-- Name: COLUMN products.planned_on; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.planned_on IS 'The shop''s day that it counts for in creation_limit.';


--
-- Name: COLUMN products.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.state IS 'Where it is in its life: shops.product_states.';


--
-- Name: COLUMN products.state_since; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.state_since IS 'When it entered that state.';


--
-- Name: COLUMN products.failed_in; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.failed_in IS 'The state in which it failed, to which a retry returns it.';


--
-- Name: COLUMN products.failed_reason; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.failed_reason IS 'Why it failed.';


--
-- Name: COLUMN products.quota_state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.quota_state IS 'held from planning, used once it exists in the shop, released when it failed before; none for imported ones.';


--
-- Name: COLUMN products.quota_month; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.quota_month IS 'First day of the UTC month whose quota it counts against.';


--
-- Name: COLUMN products.handle; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.handle IS 'Name in the shop''s links, fixed when planned, so that creating it twice makes one.';


--
-- Name: COLUMN products.sku; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.sku IS 'Stock keeping unit of its variant.';


--
-- Name: COLUMN products.title; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.title IS 'Title; at most 70 characters for products made here.';


--
-- Name: COLUMN products.description; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.description IS 'Description: plain text for products made here, the shop''s HTML for imported ones.';


--
-- Name: COLUMN products.tags; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.tags IS 'All of its tags in the shop.';


--
-- Name: COLUMN products.price_minor; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.price_minor IS 'Price in minor units: 2999 is 29.99.';


--
-- Name: COLUMN products.currency; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.currency IS 'Currency of price_minor.';


--
-- Name: COLUMN products.image_version; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.image_version IS 'Version of the image prompt that it is made from (shops.prompts).';


--
-- Name: COLUMN products.title_version; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.title_version IS 'Version of the title prompt that it is made from.';


--
-- Name: COLUMN products.description_version; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.description_version IS 'Version of the description prompt that it is made from.';


--
-- Name: COLUMN products.optimization_status; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.optimization_status IS 'pending, optimized or failed; null: never to be optimised.';


--
-- Name: COLUMN products.resource_url; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.resource_url IS 'Where the design was uploaded to, for the shop to fetch.';


--
-- Name: COLUMN products.product_gid; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.product_gid IS 'Shopify''s id of the product.';


--
-- Name: COLUMN products.variant_gid; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.variant_gid IS 'Shopify''s id of its only variant.';


--
-- Name: COLUMN products.image_url; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.image_url IS 'Public address of the picture, once the shop has it ready.';


--
-- Name: COLUMN products.shop_status; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.shop_status IS 'DRAFT, ACTIVE, ARCHIVED or UNLISTED, as the shop says; null before it is there.';


--
-- Name: COLUMN products.first_tracked_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.first_tracked_at IS 'When its sales were first watched; set once.';


--
-- Name: COLUMN products.published_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.published_at IS 'When we published it.';


--
-- Name: COLUMN products.created_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.products.created_at IS 'When this row was made.';


--
-- Name: catalogue; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.catalogue WITH (security_invoker='true') AS
 SELECT p.user_id,
    p.shop_id,
    s.name AS shop,
    p.product_id,
    p.origin,
    p.parent_product_id,
    n.name AS niche,
    p.state,
    p.state_since,
    COALESCE(p.failed_reason, t.description) AS note,
    p.title,
    p.handle,
    format('https://%s/products/%s'::text, s.domain, p.handle) AS link,
    p.sku,
    p.price_minor,
    p.currency,
    p.shop_status,
    p.optimization_status,
    p.quota_state,
    p.image_url,
    p.created_at,
    p.published_at
   FROM (((shops.products p
     JOIN shops.shops s ON (((s.user_id = p.user_id) AND (s.shop_id = p.shop_id))))
     JOIN shops.product_states t ON ((t.state = p.state)))
     LEFT JOIN shops.niches n ON (((n.user_id = p.user_id) AND (n.niche_id = p.niche_id))));


--
-- Name: VIEW catalogue; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.catalogue IS 'Every product with its state, and what that means or why it failed.';


--
-- Name: COLUMN catalogue.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.user_id IS 'The owner.';


--
-- Name: COLUMN catalogue.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.shop_id IS 'The shop.';


--
-- Name: COLUMN catalogue.shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.shop IS 'Its name.';


--
-- Name: COLUMN catalogue.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.product_id IS 'The product.';


--
-- Name: COLUMN catalogue.origin; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.origin IS 'planned, imported or variation.';


--
-- Name: COLUMN catalogue.parent_product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.parent_product_id IS 'The winner that it is a variation of.';


--
-- Name: COLUMN catalogue.niche; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.niche IS 'What it is about.';


--
-- Name: COLUMN catalogue.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.state IS 'Where it is in its life.';


--
-- Name: COLUMN catalogue.state_since; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.state_since IS 'Since when.';


--
-- Name: COLUMN catalogue.note; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.note IS 'Why it failed, else what the state means.';


--
-- Name: COLUMN catalogue.title; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.title IS 'Title.';


--
-- Name: COLUMN catalogue.handle; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.handle IS 'Name in links.';


--
-- Name: COLUMN catalogue.link; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.link IS 'Its page; good once it is published.';


--
-- Name: COLUMN catalogue.sku; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.sku IS 'Stock keeping unit.';


--
-- Name: COLUMN catalogue.price_minor; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.price_minor IS 'Price in minor units.';


--
-- Name: COLUMN catalogue.currency; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.currency IS 'Currency of the price.';


--
-- Name: COLUMN catalogue.shop_status; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.shop_status IS 'DRAFT, ACTIVE, ARCHIVED or UNLISTED, as the shop says.';


--
-- Name: COLUMN catalogue.optimization_status; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.optimization_status IS 'pending, optimized or failed; null: never to be optimised.';


--
-- Name: COLUMN catalogue.quota_state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.quota_state IS 'held, used, released or none.';


--
-- Name: COLUMN catalogue.image_url; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.image_url IS 'Public address of the picture.';


--
-- Name: COLUMN catalogue.created_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.created_at IS 'When it was planned or imported.';


--
-- Name: COLUMN catalogue.published_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.catalogue.published_at IS 'When we published it.';


--
-- Name: collections; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.collections (
    user_id uuid NOT NULL,
    shop_id uuid NOT NULL,
    collection_gid text NOT NULL,
    handle text NOT NULL,
    title text NOT NULL,
    seen_at timestamp with time zone DEFAULT jobs.clock() NOT NULL
);

ALTER TABLE ONLY shops.collections FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE collections; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.collections IS 'The collections that a shop had when it was last looked at.';


--
-- Name: COLUMN collections.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.collections.user_id IS 'The tenant.';


--
-- Name: COLUMN collections.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.collections.shop_id IS 'The shop.';


--
-- Name: COLUMN collections.collection_gid; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.collections.collection_gid IS 'Shopify''s id.';


--
-- Name: COLUMN collections.handle; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.collections.handle IS 'Its name in links.';


--
-- Name: COLUMN collections.title; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.collections.title IS 'Its title.';


--
-- Name: COLUMN collections.seen_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.collections.seen_at IS 'When it was last in the list.';


--
-- Name: creation_plans; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.creation_plans (
    user_id uuid NOT NULL,
    creation_plan_id bigint NOT NULL,
    shop_run_id bigint NOT NULL,
    niche_id bigint,
    how_many integer NOT NULL,
    why text NOT NULL,
    quota_left bigint,
    CONSTRAINT creation_plans_are_not_negative CHECK ((how_many >= 0))
);

ALTER TABLE ONLY shops.creation_plans FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE creation_plans; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.creation_plans IS 'The plan that a run of product_creation applied, row by row, with the reason.';


--
-- Name: COLUMN creation_plans.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.creation_plans.user_id IS 'The tenant.';


--
-- Name: COLUMN creation_plans.creation_plan_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.creation_plans.creation_plan_id IS 'The row.';


--
-- Name: COLUMN creation_plans.shop_run_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.creation_plans.shop_run_id IS 'The run and shop that it belongs to.';


--
-- Name: COLUMN creation_plans.niche_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.creation_plans.niche_id IS 'The niche; null where the shop was skipped.';


--
-- Name: COLUMN creation_plans.how_many; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.creation_plans.how_many IS 'Products planned.';


--
-- Name: COLUMN creation_plans.why; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.creation_plans.why IS 'The skip reason, or what the number comes from.';


--
-- Name: COLUMN creation_plans.quota_left; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.creation_plans.quota_left IS 'The user''s quota left after the whole plan; null: unlimited.';


--
-- Name: creation_plans_creation_plan_id_seq; Type: SEQUENCE; Schema: shops; Owner: -
--

ALTER TABLE shops.creation_plans ALTER COLUMN creation_plan_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shops.creation_plans_creation_plan_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: decisions; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.decisions (
    user_id uuid NOT NULL,
    decision_id bigint NOT NULL,
    shop_id uuid NOT NULL,
    product_id bigint NOT NULL,
    decided_on date NOT NULL,
    verdict text NOT NULL,
    rule text NOT NULL,
    rules_version integer NOT NULL,
    inputs jsonb NOT NULL,
    conditions jsonb NOT NULL,
    why text NOT NULL,
    decided_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT decisions_verdict_is_known CHECK ((verdict = ANY (ARRAY['winner'::text, 'kept'::text, 'failing'::text, 'ended'::text])))
);

ALTER TABLE ONLY shops.decisions FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE decisions; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.decisions IS 'Verdicts on winners with all that they rest on: one a product and day of the shop, taken only on complete sales. A product that is no winner and becomes none has no row.';


--
-- Name: COLUMN decisions.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.decisions.user_id IS 'The tenant.';


--
-- Name: COLUMN decisions.decision_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.decisions.decision_id IS 'The decision.';


--
-- Name: COLUMN decisions.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.decisions.shop_id IS 'The shop.';


--
-- Name: COLUMN decisions.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.decisions.product_id IS 'The product.';


--
-- Name: COLUMN decisions.decided_on; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.decisions.decided_on IS 'The shop''s day; the sales up to its beginning count.';


--
-- Name: COLUMN decisions.verdict; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.decisions.verdict IS 'winner: became one; kept: still is; failing: fails its rule, stays for now; ended: failed too many days in a row.';


--
-- Name: COLUMN decisions.rule; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.decisions.rule IS 'The rule of the shop: sales, buckets or posterior.';


--
-- Name: COLUMN decisions.rules_version; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.decisions.rules_version IS 'The version of shops.winner_rules.';


--
-- Name: COLUMN decisions.inputs; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.decisions.inputs IS 'What was known: units of the windows, age, state, plan.';


--
-- Name: COLUMN decisions.conditions; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.decisions.conditions IS 'Every condition of every rule: {"rule", "condition", "value", "threshold", "margin", "pass"}.';


--
-- Name: COLUMN decisions.why; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.decisions.why IS 'The verdict in one sentence, and what would flip it.';


--
-- Name: COLUMN decisions.decided_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.decisions.decided_at IS 'When it was taken.';


--
-- Name: decisions_decision_id_seq; Type: SEQUENCE; Schema: shops; Owner: -
--

ALTER TABLE shops.decisions ALTER COLUMN decision_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shops.decisions_decision_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: default_prompts; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.default_prompts (
    type text NOT NULL,
    body text NOT NULL,
    CONSTRAINT default_prompts_name_the_niche CHECK ((POSITION(('{niche}'::text) IN (body)) > 0)),
    CONSTRAINT default_prompts_type_is_known CHECK ((type = ANY (ARRAY['image'::text, 'title'::text, 'description'::text])))
);


--
-- Name: TABLE default_prompts; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.default_prompts IS 'Version 1 of every new shop''s prompts.';


--
-- Name: COLUMN default_prompts.type; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.default_prompts.type IS 'image, title or description.';


--
-- Name: COLUMN default_prompts.body; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.default_prompts.body IS 'The text, with the placeholder {niche}.';


--
-- Name: designs; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.designs (
    user_id uuid NOT NULL,
    product_id bigint NOT NULL,
    picture bytea NOT NULL,
    media_type text NOT NULL,
    prompt text NOT NULL,
    model text NOT NULL,
    quality text NOT NULL,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT designs_media_type_is_a_picture CHECK ((media_type = ANY (ARRAY['image/png'::text, 'image/jpeg'::text, 'image/webp'::text]))),
    CONSTRAINT designs_picture_is_not_empty CHECK ((octet_length(picture) > 0))
);
ALTER TABLE ONLY shops.designs ALTER COLUMN picture SET STORAGE EXTERNAL;

ALTER TABLE ONLY shops.designs FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE designs; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.designs IS 'The picture drawn for a product, and what it was drawn from.';


--
-- Name: COLUMN designs.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.designs.user_id IS 'The tenant.';


--
-- Name: COLUMN designs.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.designs.product_id IS 'The product.';


--
-- Name: COLUMN designs.picture; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.designs.picture IS 'The file itself.';


--
-- Name: COLUMN designs.media_type; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.designs.media_type IS 'image/png, image/jpeg or image/webp.';


--
-- Name: COLUMN designs.prompt; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.designs.prompt IS 'The prompt as it was sent.';


--
-- Name: COLUMN designs.model; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.designs.model IS 'The model that drew it.';


--
-- Name: COLUMN designs.quality; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.designs.quality IS 'The quality it was drawn in.';


--
-- Name: COLUMN designs.created_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.designs.created_at IS 'When the picture arrived.';


--
-- Name: syncs; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.syncs (
    user_id uuid NOT NULL,
    sync_id bigint NOT NULL,
    product_id bigint NOT NULL,
    shop_id uuid NOT NULL,
    platform text NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    target text NOT NULL,
    link text NOT NULL,
    tag text NOT NULL,
    external_id text,
    reason text,
    queued_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT syncs_done_have_the_provider_s_id CHECK (((state = 'done'::text) = (external_id IS NOT NULL))),
    CONSTRAINT syncs_ended_have_a_time CHECK (((state = 'queued'::text) = (ended_at IS NULL))),
    CONSTRAINT syncs_not_done_say_why CHECK (((state = ANY (ARRAY['queued'::text, 'done'::text])) OR (reason IS NOT NULL))),
    CONSTRAINT syncs_state_is_known CHECK ((state = ANY (ARRAY['queued'::text, 'done'::text, 'failed'::text, 'given_up'::text, 'skipped'::text, 'unknown'::text])))
);

ALTER TABLE ONLY shops.syncs FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE syncs; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.syncs IS 'Each attempt to show a product on a platform, and how it ended.';


--
-- Name: COLUMN syncs.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.syncs.user_id IS 'The tenant.';


--
-- Name: COLUMN syncs.sync_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.syncs.sync_id IS 'The attempt.';


--
-- Name: COLUMN syncs.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.syncs.product_id IS 'The product.';


--
-- Name: COLUMN syncs.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.syncs.shop_id IS 'Its shop.';


--
-- Name: COLUMN syncs.platform; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.syncs.platform IS 'Where to.';


--
-- Name: COLUMN syncs.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.syncs.state IS 'queued, done (the platform gave an id), failed (another run may try again), given_up, skipped (not wanted any more), or unknown (it may be there).';


--
-- Name: COLUMN syncs.target; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.syncs.target IS 'What it was put on: a Pinterest board''s id.';


--
-- Name: COLUMN syncs.link; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.syncs.link IS 'The product''s page, without our tag.';


--
-- Name: COLUMN syncs.tag; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.syncs.tag IS 'Our mark in the link''s query, by which it is found again.';


--
-- Name: COLUMN syncs.external_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.syncs.external_id IS 'The platform''s id of what was made.';


--
-- Name: COLUMN syncs.reason; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.syncs.reason IS 'Why it did not succeed.';


--
-- Name: COLUMN syncs.queued_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.syncs.queued_at IS 'When it was decided.';


--
-- Name: COLUMN syncs.ended_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.syncs.ended_at IS 'When it ended.';


--
-- Name: funnel; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.funnel WITH (security_invoker='true') AS
 SELECT p.user_id,
    p.shop_id,
    s.name AS shop,
    p.niche_id,
    n.name AS niche,
    (count(*))::integer AS planned,
    (count(*) FILTER (WHERE (p.product_gid IS NOT NULL)))::integer AS made,
    (count(*) FILTER (WHERE (p.optimization_status = 'optimized'::text)))::integer AS optimised,
    (count(*) FILTER (WHERE (p.published_at IS NOT NULL)))::integer AS published,
    (count(y.product_id))::integer AS pinned,
    (count(*) FILTER (WHERE (p.state = 'winner'::text)))::integer AS winners,
    (count(*) FILTER (WHERE (p.state = 'loser'::text)))::integer AS losers,
    (count(*) FILTER (WHERE (p.state = 'archived'::text)))::integer AS archived,
    (count(*) FILTER (WHERE (p.state = 'failed'::text)))::integer AS failed
   FROM (((shops.products p
     JOIN shops.shops s ON (((s.user_id = p.user_id) AND (s.shop_id = p.shop_id))))
     LEFT JOIN shops.niches n ON (((n.user_id = p.user_id) AND (n.niche_id = p.niche_id))))
     LEFT JOIN ( SELECT DISTINCT k.user_id,
            k.product_id
           FROM shops.syncs k
          WHERE (k.state = 'done'::text)) y ON (((y.user_id = p.user_id) AND (y.product_id = p.product_id))))
  WHERE (p.origin <> 'imported'::text)
  GROUP BY p.user_id, p.shop_id, s.name, p.niche_id, n.name;


--
-- Name: VIEW funnel; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.funnel IS 'How far the products of each niche came: each column counts those that ever got there.';


--
-- Name: COLUMN funnel.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.user_id IS 'The owner.';


--
-- Name: COLUMN funnel.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.shop_id IS 'The shop.';


--
-- Name: COLUMN funnel.shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.shop IS 'Its name.';


--
-- Name: COLUMN funnel.niche_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.niche_id IS 'The niche.';


--
-- Name: COLUMN funnel.niche; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.niche IS 'Its name.';


--
-- Name: COLUMN funnel.planned; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.planned IS 'Products planned, variations of winners among them.';


--
-- Name: COLUMN funnel.made; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.made IS 'Of these: in the shop.';


--
-- Name: COLUMN funnel.optimised; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.optimised IS 'Of these: with optimised texts.';


--
-- Name: COLUMN funnel.published; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.published IS 'Of these: published.';


--
-- Name: COLUMN funnel.pinned; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.pinned IS 'Of these: shown on a platform.';


--
-- Name: COLUMN funnel.winners; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.winners IS 'Winners now.';


--
-- Name: COLUMN funnel.losers; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.losers IS 'Losers now.';


--
-- Name: COLUMN funnel.archived; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.archived IS 'Archived now.';


--
-- Name: COLUMN funnel.failed; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.funnel.failed IS 'Failed now.';


--
-- Name: import_lines; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.import_lines (
    user_id uuid NOT NULL,
    import_id bigint NOT NULL,
    line_no integer NOT NULL,
    cells jsonb NOT NULL,
    CONSTRAINT import_lines_are_cells_by_column CHECK ((jsonb_typeof(cells) = 'object'::text))
);

ALTER TABLE ONLY shops.import_lines FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE import_lines; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.import_lines IS 'The lines of a file until it is applied.';


--
-- Name: COLUMN import_lines.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.import_lines.user_id IS 'The tenant.';


--
-- Name: COLUMN import_lines.import_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.import_lines.import_id IS 'The import.';


--
-- Name: COLUMN import_lines.line_no; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.import_lines.line_no IS 'Line of the file, from 1; the header is 1.';


--
-- Name: COLUMN import_lines.cells; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.import_lines.cells IS 'The text of each column by its header.';


--
-- Name: import_rejects; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.import_rejects (
    user_id uuid NOT NULL,
    import_id bigint NOT NULL,
    line_no integer NOT NULL,
    reason text NOT NULL,
    cells jsonb NOT NULL
);

ALTER TABLE ONLY shops.import_rejects FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE import_rejects; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.import_rejects IS 'Lines of imported files that could not be read, and why; all others were taken.';


--
-- Name: COLUMN import_rejects.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.import_rejects.user_id IS 'The tenant.';


--
-- Name: COLUMN import_rejects.import_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.import_rejects.import_id IS 'The import.';


--
-- Name: COLUMN import_rejects.line_no; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.import_rejects.line_no IS 'Line of the file, from 1; the header is 1.';


--
-- Name: COLUMN import_rejects.reason; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.import_rejects.reason IS 'What is wrong with it.';


--
-- Name: COLUMN import_rejects.cells; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.import_rejects.cells IS 'What it says.';


--
-- Name: imports; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.imports (
    user_id uuid NOT NULL,
    import_id bigint NOT NULL,
    shop_id uuid NOT NULL,
    what text NOT NULL,
    file text NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    products integer DEFAULT 0 NOT NULL,
    orders integer DEFAULT 0 NOT NULL,
    lines integer DEFAULT 0 NOT NULL,
    unmatched integer DEFAULT 0 NOT NULL,
    rejected integer DEFAULT 0 NOT NULL,
    first_day date,
    last_day date,
    begun_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    applied_at timestamp with time zone,
    CONSTRAINT imports_applied_have_a_time CHECK (((state = 'applied'::text) = (applied_at IS NOT NULL))),
    CONSTRAINT imports_are_of_something CHECK ((what = ANY (ARRAY['products'::text, 'orders'::text]))),
    CONSTRAINT imports_state_is_known CHECK ((state = ANY (ARRAY['open'::text, 'applied'::text])))
);

ALTER TABLE ONLY shops.imports FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE imports; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.imports IS 'Files that a merchant brought from a shop''s admin, and what was read of them.';


--
-- Name: COLUMN imports.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.user_id IS 'The tenant.';


--
-- Name: COLUMN imports.import_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.import_id IS 'The import.';


--
-- Name: COLUMN imports.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.shop_id IS 'The shop that the file is of.';


--
-- Name: COLUMN imports.what; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.what IS 'products or orders.';


--
-- Name: COLUMN imports.file; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.file IS 'The file''s name.';


--
-- Name: COLUMN imports.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.state IS 'open while lines come in, applied after.';


--
-- Name: COLUMN imports.products; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.products IS 'Products in the file.';


--
-- Name: COLUMN imports.orders; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.orders IS 'Orders in the file.';


--
-- Name: COLUMN imports.lines; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.lines IS 'Order lines in the file, or variants of products.';


--
-- Name: COLUMN imports.unmatched; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.unmatched IS 'Order lines whose product is not known: they are kept and counted.';


--
-- Name: COLUMN imports.rejected; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.rejected IS 'Lines of the file that could not be read: shops.import_rejects.';


--
-- Name: COLUMN imports.first_day; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.first_day IS 'First day of the orders, in the shop''s time zone, after shifting.';


--
-- Name: COLUMN imports.last_day; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.last_day IS 'Last day of the orders.';


--
-- Name: COLUMN imports.begun_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.begun_at IS 'When it began.';


--
-- Name: COLUMN imports.applied_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.imports.applied_at IS 'When it was applied.';


--
-- Name: imports_import_id_seq; Type: SEQUENCE; Schema: shops; Owner: -
--

ALTER TABLE shops.imports ALTER COLUMN import_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shops.imports_import_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: shop_runs; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.shop_runs (
    user_id uuid NOT NULL,
    shop_run_id bigint NOT NULL,
    shop_id uuid NOT NULL,
    job text NOT NULL,
    run_id bigint,
    status text NOT NULL,
    items integer DEFAULT 0 NOT NULL,
    skip_reason text,
    error text,
    ran_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT shop_runs_failed_say_why CHECK (((status <> 'failed'::text) OR (error IS NOT NULL))),
    CONSTRAINT shop_runs_items_are_not_negative CHECK ((items >= 0)),
    CONSTRAINT shop_runs_skipped_say_why CHECK (((status = 'skipped'::text) = (skip_reason IS NOT NULL))),
    CONSTRAINT shop_runs_status_is_known CHECK ((status = ANY (ARRAY['running'::text, 'succeeded'::text, 'skipped'::text, 'failed'::text])))
);

ALTER TABLE ONLY shops.shop_runs FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE shop_runs; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.shop_runs IS 'What a run decided for one shop: how much to do, or why nothing.';


--
-- Name: COLUMN shop_runs.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_runs.user_id IS 'The tenant.';


--
-- Name: COLUMN shop_runs.shop_run_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_runs.shop_run_id IS 'The row; later runs have higher ones.';


--
-- Name: COLUMN shop_runs.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_runs.shop_id IS 'The shop.';


--
-- Name: COLUMN shop_runs.job; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_runs.job IS 'The schedule''s name, like product_creation.';


--
-- Name: COLUMN shop_runs.run_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_runs.run_id IS 'The run of jobs.runs; null: started by hand.';


--
-- Name: COLUMN shop_runs.status; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_runs.status IS 'running while its work is not done, succeeded, skipped or failed.';


--
-- Name: COLUMN shop_runs.items; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_runs.items IS 'What the run decided to do: products planned, pins queued, pages to read.';


--
-- Name: COLUMN shop_runs.skip_reason; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_runs.skip_reason IS 'Why there was nothing to do.';


--
-- Name: COLUMN shop_runs.error; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_runs.error IS 'The last failure of this run in this shop.';


--
-- Name: COLUMN shop_runs.ran_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_runs.ran_at IS 'When the decision was taken.';


--
-- Name: job_status; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.job_status WITH (security_invoker='true') AS
 SELECT s.user_id,
    s.shop_id,
    s.name AS shop,
    j.job,
    r.status,
    r.items,
    r.skip_reason,
    r.error,
    r.run_id,
    r.ran_at
   FROM ((shops.shops s
     CROSS JOIN ( VALUES ('product_creation'::text), ('product_optimize'::text), ('pinterest_sync'::text), ('sales_tracker'::text), ('winner_scaling'::text)) j(job))
     LEFT JOIN LATERAL ( SELECT k.status,
            k.items,
            k.skip_reason,
            k.error,
            k.run_id,
            k.ran_at
           FROM shops.shop_runs k
          WHERE ((k.user_id = s.user_id) AND (k.shop_id = s.shop_id) AND (k.job = j.job))
          ORDER BY k.shop_run_id DESC
         LIMIT 1) r ON (true));


--
-- Name: VIEW job_status; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.job_status IS 'The last run of each job in each shop; nulls: it never ran there.';


--
-- Name: COLUMN job_status.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.job_status.user_id IS 'The owner.';


--
-- Name: COLUMN job_status.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.job_status.shop_id IS 'The shop.';


--
-- Name: COLUMN job_status.shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.job_status.shop IS 'Its name.';


--
-- Name: COLUMN job_status.job; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.job_status.job IS 'The schedule.';


--
-- Name: COLUMN job_status.status; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.job_status.status IS 'running, succeeded, skipped or failed.';


--
-- Name: COLUMN job_status.items; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.job_status.items IS 'What the run decided to do.';


--
-- Name: COLUMN job_status.skip_reason; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.job_status.skip_reason IS 'Why there was nothing to do.';


--
-- Name: COLUMN job_status.error; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.job_status.error IS 'The last failure of that run''s work.';


--
-- Name: COLUMN job_status.run_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.job_status.run_id IS 'The run of jobs.runs; null: started by hand.';


--
-- Name: COLUMN job_status.ran_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.job_status.ran_at IS 'When it decided.';


--
-- Name: models; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.models (
    task text NOT NULL,
    model text NOT NULL,
    quality text DEFAULT 'any'::text NOT NULL,
    input_per_million bigint,
    output_per_million bigint,
    per_image bigint,
    ceiling bigint NOT NULL,
    is_free boolean DEFAULT false NOT NULL,
    is_default boolean DEFAULT false NOT NULL,
    enabled boolean DEFAULT true NOT NULL,
    CONSTRAINT models_default_is_enabled CHECK ((enabled OR (NOT is_default))),
    CONSTRAINT models_paid_have_a_price CHECK ((is_free OR ((ceiling > 0) AND (((per_image > 0) OR ((input_per_million > 0) AND (output_per_million > 0))) IS TRUE)))),
    CONSTRAINT models_price_is_not_negative CHECK ((LEAST(input_per_million, output_per_million, per_image, ceiling) >= 0)),
    CONSTRAINT models_quality_is_known CHECK ((quality = ANY (ARRAY['any'::text, 'low'::text, 'medium'::text, 'high'::text]))),
    CONSTRAINT models_task_is_known CHECK ((task = ANY (ARRAY['image'::text, 'text'::text]))),
    CONSTRAINT models_text_has_any_quality CHECK (((task = 'image'::text) OR (quality = 'any'::text)))
);


--
-- Name: TABLE models; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.models IS 'AI models as rows: what each may be used for and costs. Money is in micro-USD (1,000,000 = 1 USD).';


--
-- Name: COLUMN models.task; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.models.task IS 'image draws designs, text writes and optimises.';


--
-- Name: COLUMN models.model; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.models.model IS 'The name that the service knows the model by.';


--
-- Name: COLUMN models.quality; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.models.quality IS 'Image quality that the price is for; any for text.';


--
-- Name: COLUMN models.input_per_million; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.models.input_per_million IS 'Micro-USD for a million input tokens.';


--
-- Name: COLUMN models.output_per_million; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.models.output_per_million IS 'Micro-USD for a million output tokens.';


--
-- Name: COLUMN models.per_image; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.models.per_image IS 'Micro-USD for one image, where the service charges by the image and not by tokens.';


--
-- Name: COLUMN models.ceiling; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.models.ceiling IS 'Micro-USD that one call costs at most: what the budget holds before the call, and what an unknown outcome counts as.';


--
-- Name: COLUMN models.is_free; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.models.is_free IS 'True for a model that costs nothing; every other one must have a price.';


--
-- Name: COLUMN models.is_default; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.models.is_default IS 'Used where the shop''s settings name no model.';


--
-- Name: COLUMN models.enabled; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.models.enabled IS 'False: no new call uses it.';


--
-- Name: niches_niche_id_seq; Type: SEQUENCE; Schema: shops; Owner: -
--

ALTER TABLE shops.niches ALTER COLUMN niche_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shops.niches_niche_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: order_lines; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.order_lines (
    user_id uuid NOT NULL,
    shop_id uuid NOT NULL,
    order_id bigint NOT NULL,
    line_no integer NOT NULL,
    product_id bigint,
    quantity integer NOT NULL,
    current_quantity integer NOT NULL,
    total bigint NOT NULL,
    unit_price bigint,
    created_at timestamp with time zone NOT NULL,
    cancelled_at timestamp with time zone,
    test boolean NOT NULL,
    currency text NOT NULL,
    line_gid text,
    product_gid text,
    sku text,
    title text,
    net_units integer GENERATED ALWAYS AS (
CASE
    WHEN (test OR (cancelled_at IS NOT NULL)) THEN 0
    ELSE current_quantity
END) STORED NOT NULL,
    CONSTRAINT order_lines_keep_what_was_sold CHECK (((current_quantity >= 0) AND (current_quantity <= quantity))),
    CONSTRAINT order_lines_sell_something CHECK ((quantity > 0)),
    CONSTRAINT order_lines_total_is_not_negative CHECK ((total >= 0)),
    CONSTRAINT order_lines_unit_price_is_not_negative CHECK ((unit_price >= 0))
);

ALTER TABLE ONLY shops.order_lines FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE order_lines; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.order_lines IS 'The facts of sales: each line of each order once. Every number of units is a query over them; none is stored as a sum.';


--
-- Name: COLUMN order_lines.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.user_id IS 'The tenant.';


--
-- Name: COLUMN order_lines.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.shop_id IS 'The shop that sold.';


--
-- Name: COLUMN order_lines.order_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.order_id IS 'The order.';


--
-- Name: COLUMN order_lines.line_no; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.line_no IS 'Place in the order, from 1.';


--
-- Name: COLUMN order_lines.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.product_id IS 'The product; null: not one of ours, or not known yet (shops._match_lines looks again after an import).';


--
-- Name: COLUMN order_lines.quantity; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.quantity IS 'Units ordered: gross.';


--
-- Name: COLUMN order_lines.current_quantity; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.current_quantity IS 'Units left after refunds and removals.';


--
-- Name: COLUMN order_lines.total; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.total IS 'What the customer paid for the line after its discounts, in minor units of currency: 1250 is 12.50.';


--
-- Name: COLUMN order_lines.unit_price; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.unit_price IS 'Price of one unit before discounts, in minor units; null: not told. The discount is quantity * unit_price - total.';


--
-- Name: COLUMN order_lines.created_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.created_at IS 'When the customer ordered, as in shops.orders, for the index.';


--
-- Name: COLUMN order_lines.cancelled_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.cancelled_at IS 'As in shops.orders.';


--
-- Name: COLUMN order_lines.test; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.test IS 'As in shops.orders.';


--
-- Name: COLUMN order_lines.currency; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.currency IS 'Currency of total and unit_price.';


--
-- Name: COLUMN order_lines.line_gid; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.line_gid IS 'Shopify''s id of the line; null: from a file.';


--
-- Name: COLUMN order_lines.product_gid; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.product_gid IS 'Shopify''s id of the product, as told; null: not told, or deleted in the shop.';


--
-- Name: COLUMN order_lines.sku; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.sku IS 'Stock keeping unit, as told.';


--
-- Name: COLUMN order_lines.title; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.title IS 'What was sold, as told.';


--
-- Name: COLUMN order_lines.net_units; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_lines.net_units IS 'Units that count: current_quantity, and 0 where the order was cancelled or a test.';


--
-- Name: order_passes; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.order_passes (
    user_id uuid NOT NULL,
    pass_id bigint NOT NULL,
    shop_id uuid NOT NULL,
    run_id bigint,
    then_scale boolean NOT NULL,
    updated_since timestamp with time zone NOT NULL,
    state text DEFAULT 'reading'::text NOT NULL,
    pages integer DEFAULT 0 NOT NULL,
    orders integer DEFAULT 0 NOT NULL,
    reason text,
    started_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT order_passes_ended_have_a_time CHECK (((state = 'reading'::text) = (ended_at IS NULL))),
    CONSTRAINT order_passes_failed_say_why CHECK (((state = 'failed'::text) = (reason IS NOT NULL))),
    CONSTRAINT order_passes_state_is_known CHECK ((state = ANY (ARRAY['reading'::text, 'complete'::text, 'failed'::text])))
);

ALTER TABLE ONLY shops.order_passes FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE order_passes; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.order_passes IS 'Each reading of a shop''s changed orders, page after page. Only a complete one moves shops.trackings.read_up_to.';


--
-- Name: COLUMN order_passes.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_passes.user_id IS 'The tenant.';


--
-- Name: COLUMN order_passes.pass_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_passes.pass_id IS 'The pass.';


--
-- Name: COLUMN order_passes.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_passes.shop_id IS 'The shop.';


--
-- Name: COLUMN order_passes.run_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_passes.run_id IS 'The run of jobs.runs that asked for it; null: a person did.';


--
-- Name: COLUMN order_passes.then_scale; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_passes.then_scale IS 'True: winners are decided when it is complete.';


--
-- Name: COLUMN order_passes.updated_since; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_passes.updated_since IS 'Orders changed at or after this moment are read.';


--
-- Name: COLUMN order_passes.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_passes.state IS 'reading, complete or failed.';


--
-- Name: COLUMN order_passes.pages; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_passes.pages IS 'Pages that arrived.';


--
-- Name: COLUMN order_passes.orders; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_passes.orders IS 'Orders on them.';


--
-- Name: COLUMN order_passes.reason; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_passes.reason IS 'Why it failed.';


--
-- Name: COLUMN order_passes.started_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_passes.started_at IS 'When it began: what changes later is for the next pass.';


--
-- Name: COLUMN order_passes.ended_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_passes.ended_at IS 'When it was complete or failed.';


--
-- Name: order_log; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.order_log WITH (security_invoker='true') AS
 SELECT o.user_id,
    o.shop_id,
    s.name AS shop,
    o.pass_id,
    o.run_id,
    o.state,
    o.orders,
    o.pages,
    o.updated_since,
    o.reason,
    o.started_at,
    o.ended_at
   FROM (shops.order_passes o
     JOIN shops.shops s ON (((s.user_id = o.user_id) AND (s.shop_id = o.shop_id))));


--
-- Name: VIEW order_log; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.order_log IS 'Each reading of a shop''s changed orders, page after page, and how far it came.';


--
-- Name: COLUMN order_log.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_log.user_id IS 'The owner.';


--
-- Name: COLUMN order_log.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_log.shop_id IS 'The shop.';


--
-- Name: COLUMN order_log.shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_log.shop IS 'Its name.';


--
-- Name: COLUMN order_log.pass_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_log.pass_id IS 'The reading.';


--
-- Name: COLUMN order_log.run_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_log.run_id IS 'The run of jobs.runs; null: started by hand.';


--
-- Name: COLUMN order_log.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_log.state IS 'reading, complete, or failed: only a complete one moves what is known.';


--
-- Name: COLUMN order_log.orders; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_log.orders IS 'Orders read so far.';


--
-- Name: COLUMN order_log.pages; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_log.pages IS 'Pages read so far.';


--
-- Name: COLUMN order_log.updated_since; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_log.updated_since IS 'Orders that changed before were known already.';


--
-- Name: COLUMN order_log.reason; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_log.reason IS 'Why it failed; null if it did not.';


--
-- Name: COLUMN order_log.started_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_log.started_at IS 'When it began.';


--
-- Name: COLUMN order_log.ended_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.order_log.ended_at IS 'When it ended; null while it reads.';


--
-- Name: order_passes_pass_id_seq; Type: SEQUENCE; Schema: shops; Owner: -
--

ALTER TABLE shops.order_passes ALTER COLUMN pass_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shops.order_passes_pass_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: orders; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.orders (
    user_id uuid NOT NULL,
    shop_id uuid NOT NULL,
    order_id bigint NOT NULL,
    order_key text NOT NULL,
    name text NOT NULL,
    source text NOT NULL,
    version timestamp with time zone NOT NULL,
    digest bytea NOT NULL,
    financial_status text,
    currency text,
    test boolean NOT NULL,
    cancelled_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT orders_currency_is_three_capital_letters CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT orders_source_is_known CHECK ((source = ANY (ARRAY['shop'::text, 'file'::text])))
);

ALTER TABLE ONLY shops.orders FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE orders; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.orders IS 'Orders as the shop tells them, each once, in the newest version that was seen.';


--
-- Name: COLUMN orders.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.orders.user_id IS 'The tenant.';


--
-- Name: COLUMN orders.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.orders.shop_id IS 'The shop that sold.';


--
-- Name: COLUMN orders.order_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.orders.order_id IS 'The order.';


--
-- Name: COLUMN orders.order_key; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.orders.order_key IS 'Shopify''s id (gid://shopify/Order/…); the order''s name where a file tells no id.';


--
-- Name: COLUMN orders.name; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.orders.name IS 'What the merchant calls it, like #1001.';


--
-- Name: COLUMN orders.source; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.orders.source IS 'shop: read from it; file: imported. What the shop says replaces what a file said.';


--
-- Name: COLUMN orders.version; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.orders.version IS 'When the shop last changed the order, or when the import of the file began. An older version changes nothing.';


--
-- Name: COLUMN orders.digest; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.orders.digest IS 'SHA-256 of what was told: the same again changes nothing.';


--
-- Name: COLUMN orders.financial_status; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.orders.financial_status IS 'As the shop says, in lower case: paid, refunded, …';


--
-- Name: COLUMN orders.currency; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.orders.currency IS 'Currency of the order''s amounts; null: an order without a line.';


--
-- Name: COLUMN orders.test; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.orders.test IS 'True: nobody paid, it does not count.';


--
-- Name: COLUMN orders.cancelled_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.orders.cancelled_at IS 'When it was cancelled; null: it was not.';


--
-- Name: COLUMN orders.created_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.orders.created_at IS 'When the customer ordered: the day it counts for.';


--
-- Name: orders_order_id_seq; Type: SEQUENCE; Schema: shops; Owner: -
--

ALTER TABLE shops.orders ALTER COLUMN order_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shops.orders_order_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: overview; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.overview WITH (security_invoker='true') AS
 SELECT s.user_id,
    s.shop_id,
    s.name AS shop,
    s.domain,
    s.program,
    s.enabled,
    e.plan,
    COALESCE(e.active, false) AS subscribed,
    COALESCE(n.niches, 0) AS niches,
    COALESCE(p.in_work, 0) AS in_work,
    COALESCE(p.drafts, 0) AS drafts,
    COALESCE(p.published, 0) AS published,
    COALESCE(p.winners, 0) AS winners,
    COALESCE(p.losers, 0) AS losers,
    COALESCE(p.archived, 0) AS archived,
    COALESCE(p.failed, 0) AS failed,
    r.job AS last_job,
    r.status AS last_status,
    COALESCE(r.error, r.skip_reason) AS last_reason,
    r.ran_at AS last_run_at
   FROM ((((shops.shops s
     LEFT JOIN accounts.entitlements e ON ((e.user_id = s.user_id)))
     LEFT JOIN LATERAL ( SELECT (count(*))::integer AS niches
           FROM shops.niches k
          WHERE ((k.user_id = s.user_id) AND (k.shop_id = s.shop_id) AND k.active)) n ON (true))
     LEFT JOIN LATERAL ( SELECT (count(*) FILTER (WHERE (k.state = ANY (ARRAY['planned'::text, 'drawn'::text, 'written'::text, 'uploaded'::text]))))::integer AS in_work,
            (count(*) FILTER (WHERE (k.state = ANY (ARRAY['created'::text, 'optimised'::text]))))::integer AS drafts,
            (count(*) FILTER (WHERE (k.state = 'published'::text)))::integer AS published,
            (count(*) FILTER (WHERE (k.state = 'winner'::text)))::integer AS winners,
            (count(*) FILTER (WHERE (k.state = 'loser'::text)))::integer AS losers,
            (count(*) FILTER (WHERE (k.state = 'archived'::text)))::integer AS archived,
            (count(*) FILTER (WHERE (k.state = 'failed'::text)))::integer AS failed
           FROM shops.products k
          WHERE ((k.user_id = s.user_id) AND (k.shop_id = s.shop_id))) p ON (true))
     LEFT JOIN LATERAL ( SELECT k.job,
            k.status,
            k.error,
            k.skip_reason,
            k.ran_at
           FROM shops.shop_runs k
          WHERE ((k.user_id = s.user_id) AND (k.shop_id = s.shop_id))
          ORDER BY k.ran_at DESC, k.shop_run_id DESC
         LIMIT 1) r ON (true));


--
-- Name: VIEW overview; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.overview IS 'Every shop in one row: whose it is, its products by state, and its last run.';


--
-- Name: COLUMN overview.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.user_id IS 'The owner.';


--
-- Name: COLUMN overview.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.shop_id IS 'The shop.';


--
-- Name: COLUMN overview.shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.shop IS 'Its name.';


--
-- Name: COLUMN overview.domain; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.domain IS 'The storefront''s host name.';


--
-- Name: COLUMN overview.program; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.program IS 'pod_autom or reboss.';


--
-- Name: COLUMN overview.enabled; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.enabled IS 'False: its owner stopped it.';


--
-- Name: COLUMN overview.plan; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.plan IS 'The owner''s plan.';


--
-- Name: COLUMN overview.subscribed; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.subscribed IS 'The owner has an active or trialing subscription.';


--
-- Name: COLUMN overview.niches; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.niches IS 'Active niches.';


--
-- Name: COLUMN overview.in_work; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.in_work IS 'Products on their way into the shop.';


--
-- Name: COLUMN overview.drafts; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.drafts IS 'Products that are drafts in the shop.';


--
-- Name: COLUMN overview.published; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.published IS 'Products on sale, neither winner nor loser.';


--
-- Name: COLUMN overview.winners; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.winners IS 'Products that sell well enough to be scaled.';


--
-- Name: COLUMN overview.losers; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.losers IS 'Products that do not sell.';


--
-- Name: COLUMN overview.archived; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.archived IS 'Products out of the shop.';


--
-- Name: COLUMN overview.failed; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.failed IS 'Products that failed on the way.';


--
-- Name: COLUMN overview.last_job; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.last_job IS 'The schedule that looked at the shop last.';


--
-- Name: COLUMN overview.last_status; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.last_status IS 'How that went.';


--
-- Name: COLUMN overview.last_reason; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.last_reason IS 'The error, or why there was nothing to do.';


--
-- Name: COLUMN overview.last_run_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.overview.last_run_at IS 'When that was.';


--
-- Name: platform_stops; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.platform_stops (
    user_id uuid NOT NULL,
    shop_id uuid NOT NULL,
    platform text NOT NULL,
    reason text NOT NULL,
    stopped_at timestamp with time zone DEFAULT jobs.clock() NOT NULL
);

ALTER TABLE ONLY shops.platform_stops FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE platform_stops; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.platform_stops IS 'Shops that a platform called spam: nothing goes there until shops.resume_platform.';


--
-- Name: COLUMN platform_stops.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platform_stops.user_id IS 'The tenant.';


--
-- Name: COLUMN platform_stops.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platform_stops.shop_id IS 'The shop.';


--
-- Name: COLUMN platform_stops.platform; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platform_stops.platform IS 'The platform.';


--
-- Name: COLUMN platform_stops.reason; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platform_stops.reason IS 'What the platform said.';


--
-- Name: COLUMN platform_stops.stopped_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platform_stops.stopped_at IS 'Since when.';


--
-- Name: platforms; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.platforms (
    platform text NOT NULL,
    service text NOT NULL,
    repeat_after interval NOT NULL,
    attempts integer NOT NULL,
    description text NOT NULL,
    CONSTRAINT platforms_try_at_least_once CHECK ((attempts > 0))
);


--
-- Name: TABLE platforms; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.platforms IS 'Where products are shown besides the shop.';


--
-- Name: COLUMN platforms.platform; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platforms.platform IS 'The platform, as accounts.entitlements names it.';


--
-- Name: COLUMN platforms.service; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platforms.service IS 'The service whose connection it needs.';


--
-- Name: COLUMN platforms.repeat_after; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platforms.repeat_after IS 'A link that went there, or may have, goes again at the earliest after this time.';


--
-- Name: COLUMN platforms.attempts; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platforms.attempts IS 'A product is tried this often; then it is left alone.';


--
-- Name: COLUMN platforms.description; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platforms.description IS 'What it is.';


--
-- Name: settings; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.settings (
    user_id uuid NOT NULL,
    shop_id uuid NOT NULL,
    auto_publish boolean DEFAULT true NOT NULL,
    creation_limit integer DEFAULT 20 NOT NULL,
    default_price_minor bigint DEFAULT 2999 NOT NULL,
    currency text DEFAULT 'EUR'::text NOT NULL,
    vendor text DEFAULT 'POD AutoM'::text NOT NULL,
    image_model text,
    image_quality text DEFAULT 'medium'::text NOT NULL,
    text_model text,
    pin_limit integer DEFAULT 20 NOT NULL,
    pin_daily_limit integer DEFAULT 100 NOT NULL,
    pin_spread_minutes integer DEFAULT 240 NOT NULL,
    pinterest_board_id text,
    configured_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT creation_limit_is_0_to_100 CHECK (((creation_limit >= 0) AND (creation_limit <= 100))),
    CONSTRAINT currency_is_three_capital_letters CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT default_price_minor_is_positive CHECK ((default_price_minor > 0)),
    CONSTRAINT image_quality_is_low_medium_or_high CHECK ((image_quality = ANY (ARRAY['low'::text, 'medium'::text, 'high'::text]))),
    CONSTRAINT pin_daily_limit_is_0_to_500 CHECK (((pin_daily_limit >= 0) AND (pin_daily_limit <= 500))),
    CONSTRAINT pin_limit_is_0_to_20 CHECK (((pin_limit >= 0) AND (pin_limit <= 20))),
    CONSTRAINT pin_spread_minutes_is_0_to_240 CHECK (((pin_spread_minutes >= 0) AND (pin_spread_minutes <= 240))),
    CONSTRAINT pinterest_board_id_is_digits CHECK ((pinterest_board_id ~ '^[0-9]+$'::text)),
    CONSTRAINT vendor_is_not_empty CHECK ((btrim(vendor) <> ''::text))
);

ALTER TABLE ONLY shops.settings FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE settings; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.settings IS 'What a shop''s owner decided. No row: nobody decided yet, and the skip reason is no_settings.';


--
-- Name: COLUMN settings.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.user_id IS 'The tenant.';


--
-- Name: COLUMN settings.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.shop_id IS 'The shop.';


--
-- Name: COLUMN settings.auto_publish; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.auto_publish IS 'True: an optimised product is published; false: it stays a draft for a person to publish.';


--
-- Name: COLUMN settings.creation_limit; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.creation_limit IS 'Products to make a day, 0 to 100.';


--
-- Name: COLUMN settings.default_price_minor; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.default_price_minor IS 'Price of a new product in minor units: 2999 is 29.99.';


--
-- Name: COLUMN settings.currency; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.currency IS 'Currency of default_price_minor, the shop''s own.';


--
-- Name: COLUMN settings.vendor; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.vendor IS 'Vendor shown on new products.';


--
-- Name: COLUMN settings.image_model; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.image_model IS 'Model that draws; null: the default row of shops.models.';


--
-- Name: COLUMN settings.image_quality; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.image_quality IS 'low, medium or high.';


--
-- Name: COLUMN settings.text_model; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.text_model IS 'Model that writes; null: the default row of shops.models.';


--
-- Name: COLUMN settings.pin_limit; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.pin_limit IS 'Pins in one run, at most 20.';


--
-- Name: COLUMN settings.pin_daily_limit; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.pin_daily_limit IS 'Pins in one day of the shop.';


--
-- Name: COLUMN settings.pin_spread_minutes; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.pin_spread_minutes IS 'Minutes over which the pins of a run go out, one after the other at even distances; 0: all at once. The next run comes after 240.';


--
-- Name: COLUMN settings.pinterest_board_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.pinterest_board_id IS 'Board to pin to, one of shops.boards; null: nothing is pinned.';


--
-- Name: COLUMN settings.configured_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.settings.configured_at IS 'When a setting was changed last.';


--
-- Name: CONSTRAINT creation_limit_is_0_to_100 ON settings; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT creation_limit_is_0_to_100 ON shops.settings IS 'Give a whole number from 0 to 100.';


--
-- Name: CONSTRAINT currency_is_three_capital_letters ON settings; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT currency_is_three_capital_letters ON shops.settings IS 'Give an ISO 4217 code, like EUR.';


--
-- Name: CONSTRAINT default_price_minor_is_positive ON settings; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT default_price_minor_is_positive ON shops.settings IS 'Give the price in minor units, more than 0: 2999 is 29.99.';


--
-- Name: CONSTRAINT image_quality_is_low_medium_or_high ON settings; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT image_quality_is_low_medium_or_high ON shops.settings IS 'Give low, medium or high.';


--
-- Name: CONSTRAINT pin_daily_limit_is_0_to_500 ON settings; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT pin_daily_limit_is_0_to_500 ON shops.settings IS 'Give a whole number from 0 to 500.';


--
-- Name: CONSTRAINT pin_limit_is_0_to_20 ON settings; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT pin_limit_is_0_to_20 ON shops.settings IS 'Give a whole number from 0 to 20.';


--
-- Name: CONSTRAINT pin_spread_minutes_is_0_to_240 ON settings; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT pin_spread_minutes_is_0_to_240 ON shops.settings IS 'Give whole minutes from 0 to 240.';


--
-- Name: CONSTRAINT pinterest_board_id_is_digits ON settings; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT pinterest_board_id_is_digits ON shops.settings IS 'Give a board_id of shops.boards; Pinterest''s ids are digits.';


--
-- Name: CONSTRAINT vendor_is_not_empty ON settings; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT vendor_is_not_empty ON shops.settings IS 'Give the name that customers see as the maker.';


--
-- Name: shop_connections; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.shop_connections (
    user_id uuid NOT NULL,
    shop_id uuid NOT NULL,
    service text NOT NULL,
    connection_id uuid NOT NULL,
    CONSTRAINT shop_connections_service_is_known CHECK ((service = ANY (ARRAY['shopify'::text, 'openai'::text, 'pinterest'::text])))
);

ALTER TABLE ONLY shops.shop_connections FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE shop_connections; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.shop_connections IS 'Which connection a shop uses for a service: one each.';


--
-- Name: COLUMN shop_connections.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_connections.user_id IS 'The tenant.';


--
-- Name: COLUMN shop_connections.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_connections.shop_id IS 'The shop.';


--
-- Name: COLUMN shop_connections.service; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_connections.service IS 'shopify, openai or pinterest.';


--
-- Name: COLUMN shop_connections.connection_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.shop_connections.connection_id IS 'The connection, of the same user.';


--
-- Name: readiness; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.readiness WITH (security_invoker='true') AS
 SELECT s.user_id,
    s.shop_id,
    s.name AS shop,
    s.program,
    s.enabled,
    ((jobs.clock() AT TIME ZONE s.time_zone))::date AS today,
    COALESCE(c.shopify, false) AS shopify,
    COALESCE(c.openai, false) AS openai,
    COALESCE(c.pinterest, false) AS pinterest,
    (t.shop_id IS NOT NULL) AS configured,
    t.creation_limit,
    t.pin_limit,
    t.pin_daily_limit,
    t.pinterest_board_id,
    COALESCE(e.active, false) AS subscribed,
    e.plan,
    e.products_per_month,
    e.niches AS niche_limit,
    e.platforms
   FROM (((shops.shops s
     LEFT JOIN shops.settings t ON (((t.user_id = s.user_id) AND (t.shop_id = s.shop_id))))
     LEFT JOIN accounts.entitlements e ON ((e.user_id = s.user_id)))
     LEFT JOIN LATERAL ( SELECT bool_or((k.service = 'shopify'::text)) AS shopify,
            bool_or((k.service = 'openai'::text)) AS openai,
            bool_or((k.service = 'pinterest'::text)) AS pinterest
           FROM (shops.shop_connections k
             JOIN accounts.connections_status a ON (((a.user_id = k.user_id) AND (a.connection_id = k.connection_id))))
          WHERE ((k.user_id = s.user_id) AND (k.shop_id = s.shop_id) AND (a.state = 'connected'::text) AND (a.missing_scopes = '{}'::text[]))) c ON (true));


--
-- Name: VIEW readiness; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.readiness IS 'What each shop has of what its jobs need, one row a shop.';


--
-- Name: COLUMN readiness.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.user_id IS 'The owner.';


--
-- Name: COLUMN readiness.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.shop_id IS 'The shop.';


--
-- Name: COLUMN readiness.shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.shop IS 'Its name.';


--
-- Name: COLUMN readiness.program; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.program IS 'pod_autom or reboss.';


--
-- Name: COLUMN readiness.enabled; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.enabled IS 'False: its owner stopped it.';


--
-- Name: COLUMN readiness.today; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.today IS 'The present day in its time zone.';


--
-- Name: COLUMN readiness.shopify; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.shopify IS 'Its Shopify connection is good: connected, no scope missing.';


--
-- Name: COLUMN readiness.openai; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.openai IS 'Its OpenAI connection is good.';


--
-- Name: COLUMN readiness.pinterest; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.pinterest IS 'Its Pinterest connection is good.';


--
-- Name: COLUMN readiness.configured; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.configured IS 'Somebody decided about its settings.';


--
-- Name: COLUMN readiness.creation_limit; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.creation_limit IS 'Products a day; null: not configured.';


--
-- Name: COLUMN readiness.pin_limit; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.pin_limit IS 'Pins a run; null: not configured.';


--
-- Name: COLUMN readiness.pin_daily_limit; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.pin_daily_limit IS 'Pins a day; null: not configured.';


--
-- Name: COLUMN readiness.pinterest_board_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.pinterest_board_id IS 'The board to pin to; null: none chosen.';


--
-- Name: COLUMN readiness.subscribed; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.subscribed IS 'Its owner has an active or trialing subscription.';


--
-- Name: COLUMN readiness.plan; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.plan IS 'The owner''s plan.';


--
-- Name: COLUMN readiness.products_per_month; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.products_per_month IS 'Products a UTC month, all shops of the owner together; null: unlimited.';


--
-- Name: COLUMN readiness.niche_limit; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.niche_limit IS 'Active niches, all shops of the owner together; null: unlimited.';


--
-- Name: COLUMN readiness.platforms; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.readiness.platforms IS 'Platforms that the plan allows; null: all.';


--
-- Name: platform_status; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.platform_status WITH (security_invoker='true') AS
 SELECT r.user_id,
    r.shop_id,
    r.shop,
    f.platform,
        CASE
            WHEN (NOT r.enabled) THEN 'disabled'::text
            WHEN (NOT r.configured) THEN 'no_settings'::text
            WHEN (NOT r.subscribed) THEN 'no_subscription'::text
            WHEN (f.platform <> ALL (r.platforms)) THEN 'not_in_plan'::text
            WHEN (x.platform IS NOT NULL) THEN 'stopped'::text
            WHEN ((f.service = 'pinterest'::text) AND (NOT r.pinterest)) THEN 'not_connected'::text
            WHEN ((f.service = 'pinterest'::text) AND (r.pinterest_board_id IS NULL)) THEN 'no_board'::text
            WHEN ((f.service = 'pinterest'::text) AND (b.board_id IS NULL)) THEN 'board_unknown'::text
            ELSE NULL::text
        END AS obstacle,
    COALESCE(x.reason, b.name) AS note,
    r.pinterest_board_id AS target,
    x.stopped_at
   FROM (((shops.readiness r
     CROSS JOIN shops.platforms f)
     LEFT JOIN shops.platform_stops x ON (((x.user_id = r.user_id) AND (x.shop_id = r.shop_id) AND (x.platform = f.platform))))
     LEFT JOIN shops.boards b ON (((b.user_id = r.user_id) AND (b.shop_id = r.shop_id) AND (b.board_id = r.pinterest_board_id))));


--
-- Name: VIEW platform_status; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.platform_status IS 'Whether each shop''s products can go to each platform, and what is in the way.';


--
-- Name: COLUMN platform_status.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platform_status.user_id IS 'The owner.';


--
-- Name: COLUMN platform_status.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platform_status.shop_id IS 'The shop.';


--
-- Name: COLUMN platform_status.shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platform_status.shop IS 'Its name.';


--
-- Name: COLUMN platform_status.platform; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platform_status.platform IS 'The platform.';


--
-- Name: COLUMN platform_status.obstacle; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platform_status.obstacle IS 'disabled, no_settings, no_subscription, not_in_plan, stopped (the platform called it spam: shops.resume_platform), not_connected, no_board, board_unknown (not in shops.boards: shops.look); null: the way is free.';


--
-- Name: COLUMN platform_status.note; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platform_status.note IS 'What the platform said when it stopped the shop, else the board''s name.';


--
-- Name: COLUMN platform_status.target; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platform_status.target IS 'The board that was chosen.';


--
-- Name: COLUMN platform_status.stopped_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.platform_status.stopped_at IS 'Since when the shop is stopped.';


--
-- Name: winner_rules; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.winner_rules (
    user_id uuid NOT NULL,
    shop_id uuid NOT NULL,
    version integer NOT NULL,
    winner_rule text DEFAULT 'sales'::text NOT NULL,
    winner_units integer DEFAULT 5 NOT NULL,
    bucket_units_3 integer DEFAULT 5 NOT NULL,
    bucket_units_7 integer DEFAULT 10 NOT NULL,
    bucket_units_10 integer DEFAULT 15 NOT NULL,
    bucket_units_14 integer DEFAULT 20 NOT NULL,
    min_buckets integer DEFAULT 3 NOT NULL,
    target_weekly_units numeric DEFAULT 4 NOT NULL,
    break_even_weekly_units numeric DEFAULT 1 NOT NULL,
    prior_shape integer DEFAULT 1 NOT NULL,
    prior_weekly_units numeric DEFAULT 1.5 NOT NULL,
    posterior_days integer DEFAULT 7 NOT NULL,
    winner_certainty numeric DEFAULT 0.90 NOT NULL,
    keep_certainty numeric DEFAULT 0.60 NOT NULL,
    loser_certainty numeric DEFAULT 0.90 NOT NULL,
    start_phase_days integer DEFAULT 7 NOT NULL,
    winner_ends_after_days integer DEFAULT 7 NOT NULL,
    variations_per_winner integer DEFAULT 3 NOT NULL,
    raise_percent integer DEFAULT 20 NOT NULL,
    raise_cool_down_days integer DEFAULT 3 NOT NULL,
    campaign_budget_limit_minor bigint DEFAULT 10000 NOT NULL,
    raise_day_limit_minor bigint DEFAULT 5000 NOT NULL,
    ads_budget_limit_minor bigint DEFAULT 30000 NOT NULL,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT bucket_units_are_not_negative CHECK ((LEAST(bucket_units_3, bucket_units_7, bucket_units_10, bucket_units_14) >= 0)),
    CONSTRAINT budget_limits_are_not_negative CHECK ((LEAST(campaign_budget_limit_minor, raise_day_limit_minor, ads_budget_limit_minor) >= 0)),
    CONSTRAINT certainties_are_in_order CHECK (((keep_certainty > (0)::numeric) AND (keep_certainty <= winner_certainty) AND (winner_certainty < (1)::numeric))),
    CONSTRAINT days_are_1_to_365 CHECK (((LEAST(posterior_days, start_phase_days, winner_ends_after_days) >= 1) AND (GREATEST(posterior_days, start_phase_days, winner_ends_after_days) <= 365))),
    CONSTRAINT loser_certainty_is_a_probability CHECK (((loser_certainty > (0)::numeric) AND (loser_certainty < (1)::numeric))),
    CONSTRAINT min_buckets_is_1_to_4 CHECK (((min_buckets >= 1) AND (min_buckets <= 4))),
    CONSTRAINT prior_shape_is_1_to_100 CHECK (((prior_shape >= 1) AND (prior_shape <= 100))),
    CONSTRAINT raise_cool_down_days_is_1_to_90 CHECK (((raise_cool_down_days >= 1) AND (raise_cool_down_days <= 90))),
    CONSTRAINT raise_percent_is_0_to_20 CHECK (((raise_percent >= 0) AND (raise_percent <= 20))),
    CONSTRAINT variations_per_winner_is_0_to_20 CHECK (((variations_per_winner >= 0) AND (variations_per_winner <= 20))),
    CONSTRAINT weekly_units_are_at_most_1000 CHECK ((GREATEST(target_weekly_units, break_even_weekly_units, prior_weekly_units) <= (1000)::numeric)),
    CONSTRAINT weekly_units_are_positive CHECK ((LEAST(target_weekly_units, break_even_weekly_units, prior_weekly_units) > (0)::numeric)),
    CONSTRAINT winner_rule_is_known CHECK ((winner_rule = ANY (ARRAY['sales'::text, 'buckets'::text, 'posterior'::text]))),
    CONSTRAINT winner_rules_version_counts_from_1 CHECK ((version > 0)),
    CONSTRAINT winner_units_is_positive CHECK ((winner_units > 0))
);

ALTER TABLE ONLY shops.winner_rules FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.winner_rules IS 'By which rule a shop''s winners are found, and how far they are scaled. A version is never changed: the highest is in use, and every decision names its own. shops.set_winner_rules makes the next.';


--
-- Name: COLUMN winner_rules.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.user_id IS 'The tenant.';


--
-- Name: COLUMN winner_rules.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.shop_id IS 'The shop.';


--
-- Name: COLUMN winner_rules.version; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.version IS 'Counts from 1.';


--
-- Name: COLUMN winner_rules.winner_rule; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.winner_rule IS 'sales: units of 7 days; buckets: enough of four windows; posterior: how likely the weekly rate is high enough.';


--
-- Name: COLUMN winner_rules.winner_units; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.winner_units IS 'Rule sales: net units in the last 7 days.';


--
-- Name: COLUMN winner_rules.bucket_units_3; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.bucket_units_3 IS 'Rule buckets: net units in the last 3 days that pass the window.';


--
-- Name: COLUMN winner_rules.bucket_units_7; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.bucket_units_7 IS 'Rule buckets: in the last 7 days.';


--
-- Name: COLUMN winner_rules.bucket_units_10; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.bucket_units_10 IS 'Rule buckets: in the last 10 days.';


--
-- Name: COLUMN winner_rules.bucket_units_14; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.bucket_units_14 IS 'Rule buckets: in the last 14 days.';


--
-- Name: COLUMN winner_rules.min_buckets; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.min_buckets IS 'Rule buckets: windows that must pass, 1 to 4.';


--
-- Name: COLUMN winner_rules.target_weekly_units; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.target_weekly_units IS 'Rule posterior: units a week that a winner sells.';


--
-- Name: COLUMN winner_rules.break_even_weekly_units; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.break_even_weekly_units IS 'Rule posterior: units a week under which a product loses money.';


--
-- Name: COLUMN winner_rules.prior_shape; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.prior_shape IS 'Rule posterior: shape of the Gamma prior; a whole number keeps the formula exact.';


--
-- Name: COLUMN winner_rules.prior_weekly_units; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.prior_weekly_units IS 'Rule posterior: units a week that a new product is expected to sell.';


--
-- Name: COLUMN winner_rules.posterior_days; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.posterior_days IS 'Rule posterior: days of tracking before it says anything.';


--
-- Name: COLUMN winner_rules.winner_certainty; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.winner_certainty IS 'Rule posterior: probability from which a product is a winner.';


--
-- Name: COLUMN winner_rules.keep_certainty; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.keep_certainty IS 'Rule posterior: a winner stays one down to this probability; from here up to winner_certainty others are promising.';


--
-- Name: COLUMN winner_rules.loser_certainty; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.loser_certainty IS 'Rule posterior: probability of selling less than break even from which a product is a loser.';


--
-- Name: COLUMN winner_rules.start_phase_days; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.start_phase_days IS 'The first days are this many times 24 hours from first tracking.';


--
-- Name: COLUMN winner_rules.winner_ends_after_days; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.winner_ends_after_days IS 'A winner that fails its rule on this many days in a row is none any more.';


--
-- Name: COLUMN winner_rules.variations_per_winner; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.variations_per_winner IS 'New designs for each new winner; they count against the quota.';


--
-- Name: COLUMN winner_rules.raise_percent; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.raise_percent IS 'Step by which a campaign''s daily budget rises, 0 to 20; 0: never.';


--
-- Name: COLUMN winner_rules.raise_cool_down_days; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.raise_cool_down_days IS 'Days between two raises of a campaign.';


--
-- Name: COLUMN winner_rules.campaign_budget_limit_minor; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.campaign_budget_limit_minor IS 'No campaign''s daily budget is raised above this, minor units.';


--
-- Name: COLUMN winner_rules.raise_day_limit_minor; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.raise_day_limit_minor IS 'All raises of the shop in one day together, minor units.';


--
-- Name: COLUMN winner_rules.ads_budget_limit_minor; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.ads_budget_limit_minor IS 'No raise lifts the shop''s daily budgets together above this, minor units.';


--
-- Name: COLUMN winner_rules.created_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_rules.created_at IS 'When this version was made.';


--
-- Name: CONSTRAINT bucket_units_are_not_negative ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT bucket_units_are_not_negative ON shops.winner_rules IS 'Give whole numbers from 0.';


--
-- Name: CONSTRAINT budget_limits_are_not_negative ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT budget_limits_are_not_negative ON shops.winner_rules IS 'Give amounts in minor units from 0: 10000 is 100.00.';


--
-- Name: CONSTRAINT certainties_are_in_order ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT certainties_are_in_order ON shops.winner_rules IS 'Give probabilities between 0 and 1, keep_certainty not above winner_certainty.';


--
-- Name: CONSTRAINT days_are_1_to_365 ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT days_are_1_to_365 ON shops.winner_rules IS 'Give whole days from 1 to 365.';


--
-- Name: CONSTRAINT loser_certainty_is_a_probability ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT loser_certainty_is_a_probability ON shops.winner_rules IS 'Give a probability between 0 and 1.';


--
-- Name: CONSTRAINT min_buckets_is_1_to_4 ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT min_buckets_is_1_to_4 ON shops.winner_rules IS 'Give a whole number from 1 to 4.';


--
-- Name: CONSTRAINT prior_shape_is_1_to_100 ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT prior_shape_is_1_to_100 ON shops.winner_rules IS 'Give a whole number from 1 to 100.';


--
-- Name: CONSTRAINT raise_cool_down_days_is_1_to_90 ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT raise_cool_down_days_is_1_to_90 ON shops.winner_rules IS 'Give whole days from 1 to 90.';


--
-- Name: CONSTRAINT raise_percent_is_0_to_20 ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT raise_percent_is_0_to_20 ON shops.winner_rules IS 'Give a whole number from 0 to 20.';


--
-- Name: CONSTRAINT variations_per_winner_is_0_to_20 ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT variations_per_winner_is_0_to_20 ON shops.winner_rules IS 'Give a whole number from 0 to 20.';


--
-- Name: CONSTRAINT weekly_units_are_at_most_1000 ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT weekly_units_are_at_most_1000 ON shops.winner_rules IS 'Give at most 1000 units a week.';


--
-- Name: CONSTRAINT weekly_units_are_positive ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT weekly_units_are_positive ON shops.winner_rules IS 'Give units a week above 0.';


--
-- Name: CONSTRAINT winner_rule_is_known ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT winner_rule_is_known ON shops.winner_rules IS 'Give sales, buckets or posterior.';


--
-- Name: CONSTRAINT winner_units_is_positive ON winner_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON CONSTRAINT winner_units_is_positive ON shops.winner_rules IS 'Give a whole number from 1.';


--
-- Name: present_rules; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.present_rules WITH (security_invoker='true') AS
 SELECT s.user_id,
    s.shop_id,
    r.version,
    r.winner_rule,
    r.winner_units,
    r.bucket_units_3,
    r.bucket_units_7,
    r.bucket_units_10,
    r.bucket_units_14,
    r.min_buckets,
    r.target_weekly_units,
    r.break_even_weekly_units,
    r.prior_shape,
    r.prior_weekly_units,
    r.posterior_days,
    r.winner_certainty,
    r.keep_certainty,
    r.loser_certainty,
    r.start_phase_days,
    r.winner_ends_after_days,
    r.variations_per_winner,
    r.raise_percent,
    r.raise_cool_down_days,
    r.campaign_budget_limit_minor,
    r.raise_day_limit_minor,
    r.ads_budget_limit_minor
   FROM (shops.shops s
     CROSS JOIN LATERAL ( SELECT w.user_id,
            w.shop_id,
            w.version,
            w.winner_rule,
            w.winner_units,
            w.bucket_units_3,
            w.bucket_units_7,
            w.bucket_units_10,
            w.bucket_units_14,
            w.min_buckets,
            w.target_weekly_units,
            w.break_even_weekly_units,
            w.prior_shape,
            w.prior_weekly_units,
            w.posterior_days,
            w.winner_certainty,
            w.keep_certainty,
            w.loser_certainty,
            w.start_phase_days,
            w.winner_ends_after_days,
            w.variations_per_winner,
            w.raise_percent,
            w.raise_cool_down_days,
            w.campaign_budget_limit_minor,
            w.raise_day_limit_minor,
            w.ads_budget_limit_minor,
            w.created_at
           FROM shops.winner_rules w
          WHERE ((w.user_id = s.user_id) AND (w.shop_id = s.shop_id))
          ORDER BY w.version DESC
         LIMIT 1) r);


--
-- Name: VIEW present_rules; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.present_rules IS 'The winner rules in use, one row a shop: the highest version of shops.winner_rules, which explains the columns.';


--
-- Name: product_moves; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.product_moves (
    from_state text NOT NULL,
    to_state text NOT NULL
);


--
-- Name: TABLE product_moves; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.product_moves IS 'The moves that a product may make; shops.tg_product_moves refuses every other one with SH010.';


--
-- Name: COLUMN product_moves.from_state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.product_moves.from_state IS 'The state left.';


--
-- Name: COLUMN product_moves.to_state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.product_moves.to_state IS 'The state entered.';


--
-- Name: products_product_id_seq; Type: SEQUENCE; Schema: shops; Owner: -
--

ALTER TABLE shops.products ALTER COLUMN product_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shops.products_product_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: prompts; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.prompts (
    user_id uuid NOT NULL,
    shop_id uuid NOT NULL,
    type text NOT NULL,
    version integer NOT NULL,
    body text NOT NULL,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT prompts_are_at_most_4000_characters CHECK ((length(body) <= 4000)),
    CONSTRAINT prompts_name_the_niche CHECK ((POSITION(('{niche}'::text) IN (body)) > 0)),
    CONSTRAINT prompts_type_is_known CHECK ((type = ANY (ARRAY['image'::text, 'title'::text, 'description'::text]))),
    CONSTRAINT prompts_version_counts_from_1 CHECK ((version > 0))
);

ALTER TABLE ONLY shops.prompts FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE prompts; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.prompts IS 'A shop''s prompts. A version is never changed: the highest is in use, and products keep the one they were made from.';


--
-- Name: COLUMN prompts.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.prompts.user_id IS 'The tenant.';


--
-- Name: COLUMN prompts.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.prompts.shop_id IS 'The shop.';


--
-- Name: COLUMN prompts.type; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.prompts.type IS 'image, title or description.';


--
-- Name: COLUMN prompts.version; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.prompts.version IS 'Counts from 1 for each shop and type.';


--
-- Name: COLUMN prompts.body; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.prompts.body IS 'The text, with the placeholder {niche}.';


--
-- Name: COLUMN prompts.created_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.prompts.created_at IS 'When this version was written.';


--
-- Name: quota_months; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.quota_months (
    user_id uuid NOT NULL,
    month date NOT NULL,
    held integer DEFAULT 0 NOT NULL,
    used integer DEFAULT 0 NOT NULL,
    CONSTRAINT quota_held_is_not_negative CHECK ((held >= 0)),
    CONSTRAINT quota_month_is_the_first_of_a_month CHECK ((EXTRACT(day FROM month) = (1)::numeric)),
    CONSTRAINT quota_used_is_not_negative CHECK ((used >= 0))
);

ALTER TABLE ONLY shops.quota_months FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE quota_months; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.quota_months IS 'A user''s products of a UTC month: the row is the lock under which planners reserve. shops.quota_proof compares it with its parts.';


--
-- Name: COLUMN quota_months.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota_months.user_id IS 'The tenant.';


--
-- Name: COLUMN quota_months.month; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota_months.month IS 'First day of the month, UTC.';


--
-- Name: COLUMN quota_months.held; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota_months.held IS 'Products planned and not there yet.';


--
-- Name: COLUMN quota_months.used; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota_months.used IS 'Products made.';


--
-- Name: quota; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.quota WITH (security_invoker='true') AS
 SELECT e.user_id,
    shops._month() AS month,
    e.plan,
    e.products_per_month AS monthly_limit,
    COALESCE(q.held, 0) AS held,
    COALESCE(q.used, 0) AS used,
        CASE
            WHEN (e.products_per_month IS NOT NULL) THEN GREATEST(((e.products_per_month - COALESCE(q.held, 0)) - COALESCE(q.used, 0)), (0)::bigint)
            ELSE NULL::bigint
        END AS quota_left
   FROM (accounts.entitlements e
     LEFT JOIN shops.quota_months q ON (((q.user_id = e.user_id) AND (q.month = shops._month()))));


--
-- Name: VIEW quota; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.quota IS 'Each user''s products of this UTC month: all shops together, as the plan counts.';


--
-- Name: COLUMN quota.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota.user_id IS 'The user.';


--
-- Name: COLUMN quota.month; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota.month IS 'First day of the month.';


--
-- Name: COLUMN quota.plan; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota.plan IS 'The plan.';


--
-- Name: COLUMN quota.monthly_limit; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota.monthly_limit IS 'Products that the plan allows; null: unlimited.';


--
-- Name: COLUMN quota.held; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota.held IS 'Products planned and not made yet.';


--
-- Name: COLUMN quota.used; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota.used IS 'Products made.';


--
-- Name: COLUMN quota.quota_left; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota.quota_left IS 'Products that may still be planned; null: unlimited.';


--
-- Name: quota_proof; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.quota_proof WITH (security_invoker='true') AS
 SELECT COALESCE(q.user_id, p.user_id) AS user_id,
    COALESCE(q.month, p.month) AS month,
    COALESCE(q.held, 0) AS held,
    COALESCE(p.held, (0)::bigint) AS held_by_products,
    COALESCE(q.used, 0) AS used,
    COALESCE(p.used, (0)::bigint) AS used_by_products
   FROM (shops.quota_months q
     FULL JOIN ( SELECT p_1.user_id,
            p_1.quota_month AS month,
            count(*) FILTER (WHERE (p_1.quota_state = 'held'::text)) AS held,
            count(*) FILTER (WHERE (p_1.quota_state = 'used'::text)) AS used
           FROM shops.products p_1
          WHERE (p_1.quota_state = ANY (ARRAY['held'::text, 'used'::text]))
          GROUP BY p_1.user_id, p_1.quota_month) p ON (((p.user_id = q.user_id) AND (p.month = q.month))))
  WHERE ((COALESCE(q.held, 0) <> COALESCE(p.held, (0)::bigint)) OR (COALESCE(q.used, 0) <> COALESCE(p.used, (0)::bigint)));


--
-- Name: VIEW quota_proof; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.quota_proof IS 'Months whose quota totals differ from the products that hold or used it. Empty: every total is right.';


--
-- Name: COLUMN quota_proof.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota_proof.user_id IS 'The user.';


--
-- Name: COLUMN quota_proof.month; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota_proof.month IS 'The month.';


--
-- Name: COLUMN quota_proof.held; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota_proof.held IS 'The total held.';


--
-- Name: COLUMN quota_proof.held_by_products; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota_proof.held_by_products IS 'Products that hold quota of the month.';


--
-- Name: COLUMN quota_proof.used; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota_proof.used IS 'The total used.';


--
-- Name: COLUMN quota_proof.used_by_products; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.quota_proof.used_by_products IS 'Products that used quota of the month.';


--
-- Name: refunds; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.refunds (
    user_id uuid NOT NULL,
    shop_id uuid NOT NULL,
    order_id bigint NOT NULL,
    refund_no integer NOT NULL,
    line_no integer,
    units integer NOT NULL,
    amount bigint,
    currency text NOT NULL,
    told_at timestamp with time zone NOT NULL,
    CONSTRAINT refunds_give_something_back CHECK (((units >= 0) AND (amount >= 0) AND ((units > 0) OR (amount > 0)))),
    CONSTRAINT refunds_of_units_name_the_line CHECK (((units = 0) OR (line_no IS NOT NULL)))
);

ALTER TABLE ONLY shops.refunds FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE refunds; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.refunds IS 'What went back to customers: units of a line, or an amount of a whole order where no line is told.';


--
-- Name: COLUMN refunds.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.refunds.user_id IS 'The tenant.';


--
-- Name: COLUMN refunds.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.refunds.shop_id IS 'The shop.';


--
-- Name: COLUMN refunds.order_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.refunds.order_id IS 'The order.';


--
-- Name: COLUMN refunds.refund_no; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.refunds.refund_no IS 'Counts from 1 in the order.';


--
-- Name: COLUMN refunds.line_no; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.refunds.line_no IS 'The line; null: the amount is of the whole order.';


--
-- Name: COLUMN refunds.units; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.refunds.units IS 'Units of the line that were refunded or taken out; 0 for an amount alone.';


--
-- Name: COLUMN refunds.amount; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.refunds.amount IS 'Minor units of currency; null: not told.';


--
-- Name: COLUMN refunds.currency; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.refunds.currency IS 'Currency of amount.';


--
-- Name: COLUMN refunds.told_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.refunds.told_at IS 'Version of the order that told it.';


--
-- Name: sales_days; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.sales_days WITH (security_invoker='true') AS
 SELECT s.user_id,
    s.shop_id,
    s.name AS shop,
    s.time_zone,
    d.today,
    d.day_start,
    d.day_3,
    d.day_7,
    d.day_10,
    d.day_14,
    d.complete_up_to,
    d.fresh,
    d.start_phase
   FROM (shops.shops s
     CROSS JOIN LATERAL shops._day(s.user_id, s.shop_id) d(user_id, shop_id, today, day_start, day_3, day_7, day_10, day_14, complete_up_to, fresh, start_phase));


--
-- Name: VIEW sales_days; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.sales_days IS 'Each shop''s present day in its time zone, where its sales windows begin, and whether its sales are known so far.';


--
-- Name: COLUMN sales_days.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sales_days.user_id IS 'The owner.';


--
-- Name: COLUMN sales_days.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sales_days.shop_id IS 'The shop.';


--
-- Name: COLUMN sales_days.shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sales_days.shop IS 'Its name.';


--
-- Name: COLUMN sales_days.time_zone; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sales_days.time_zone IS 'Where its days begin.';


--
-- Name: COLUMN sales_days.today; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sales_days.today IS 'The present day there. It is not over and counts for no window.';


--
-- Name: COLUMN sales_days.day_start; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sales_days.day_start IS 'When today began: every window ends here, this moment not included.';


--
-- Name: COLUMN sales_days.day_3; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sales_days.day_3 IS 'When the window of the last 3 whole days begins.';


--
-- Name: COLUMN sales_days.day_7; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sales_days.day_7 IS 'When the window of the last 7 whole days begins.';


--
-- Name: COLUMN sales_days.day_10; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sales_days.day_10 IS 'When the window of the last 10 whole days begins.';


--
-- Name: COLUMN sales_days.day_14; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sales_days.day_14 IS 'When the window of the last 14 whole days begins.';


--
-- Name: COLUMN sales_days.complete_up_to; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sales_days.complete_up_to IS 'Up to when sales are known; null: not at all.';


--
-- Name: COLUMN sales_days.fresh; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sales_days.fresh IS 'The whole of yesterday is known. If not, nothing is decided.';


--
-- Name: COLUMN sales_days.start_phase; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sales_days.start_phase IS 'How long the first days of a product are.';


--
-- Name: scaling_intents; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.scaling_intents (
    user_id uuid NOT NULL,
    intent_id bigint NOT NULL,
    shop_id uuid NOT NULL,
    product_id bigint NOT NULL,
    decision_id bigint NOT NULL,
    action text NOT NULL,
    target text DEFAULT ''::text NOT NULL,
    campaign_id bigint,
    from_budget bigint,
    to_budget bigint,
    currency text,
    how_many integer,
    state text NOT NULL,
    reason text,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT scaling_intents_action_is_known CHECK ((action = ANY (ARRAY['variations'::text, 'raise_budget'::text, 'expand'::text, 'pause'::text]))),
    CONSTRAINT scaling_intents_ended_have_a_time CHECK (((state = 'open'::text) = (ended_at IS NULL))),
    CONSTRAINT scaling_intents_name_the_campaign CHECK (((action = ANY (ARRAY['raise_budget'::text, 'pause'::text])) = (campaign_id IS NOT NULL))),
    CONSTRAINT scaling_intents_raise_at_most_20_percent CHECK (((to_budget * 5) <= (from_budget * 6))),
    CONSTRAINT scaling_intents_raises_are_complete CHECK (((action <> 'raise_budget'::text) OR ((from_budget > 0) AND (to_budget >= from_budget) AND (currency IS NOT NULL)))),
    CONSTRAINT scaling_intents_say_why_not CHECK (((state = ANY (ARRAY['open'::text, 'done'::text])) OR (reason IS NOT NULL))),
    CONSTRAINT scaling_intents_state_is_known CHECK ((state = ANY (ARRAY['open'::text, 'done'::text, 'refused'::text, 'stopped'::text, 'failed'::text]))),
    CONSTRAINT scaling_intents_variations_are_counted CHECK (((action <> 'variations'::text) OR (how_many >= 0)))
);

ALTER TABLE ONLY shops.scaling_intents FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE scaling_intents; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.scaling_intents IS 'What is to be done about a winner, or one that ended, and what became of it: each guarded, each stoppable by shops.stop_intent.';


--
-- Name: COLUMN scaling_intents.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.user_id IS 'The tenant.';


--
-- Name: COLUMN scaling_intents.intent_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.intent_id IS 'The intent.';


--
-- Name: COLUMN scaling_intents.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.shop_id IS 'The shop.';


--
-- Name: COLUMN scaling_intents.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.product_id IS 'The winner.';


--
-- Name: COLUMN scaling_intents.decision_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.decision_id IS 'The decision that it follows from.';


--
-- Name: COLUMN scaling_intents.action; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.action IS 'variations: new designs; raise_budget: more for its campaign; expand: onto a further platform; pause: its campaign, when it ended as a winner.';


--
-- Name: COLUMN scaling_intents.target; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.target IS 'The campaign''s id at Pinterest, or the platform; empty for variations.';


--
-- Name: COLUMN scaling_intents.campaign_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.campaign_id IS 'raise_budget and pause: the campaign.';


--
-- Name: COLUMN scaling_intents.from_budget; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.from_budget IS 'raise_budget: daily budget before, minor units.';


--
-- Name: COLUMN scaling_intents.to_budget; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.to_budget IS 'raise_budget: daily budget wanted, minor units, at most 20 % more.';


--
-- Name: COLUMN scaling_intents.currency; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.currency IS 'raise_budget: currency of both.';


--
-- Name: COLUMN scaling_intents.how_many; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.how_many IS 'variations: products planned.';


--
-- Name: COLUMN scaling_intents.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.state IS 'open, done, refused (a guard said no), stopped (a person did), failed (the service did).';


--
-- Name: COLUMN scaling_intents.reason; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.reason IS 'Why it is not done.';


--
-- Name: COLUMN scaling_intents.created_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.created_at IS 'When it was decided.';


--
-- Name: COLUMN scaling_intents.ended_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.scaling_intents.ended_at IS 'When it ended.';


--
-- Name: scaling_intents_intent_id_seq; Type: SEQUENCE; Schema: shops; Owner: -
--

ALTER TABLE shops.scaling_intents ALTER COLUMN intent_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shops.scaling_intents_intent_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: shop_runs_shop_run_id_seq; Type: SEQUENCE; Schema: shops; Owner: -
--

ALTER TABLE shops.shop_runs ALTER COLUMN shop_run_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shops.shop_runs_shop_run_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: steps; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.steps (
    kind text NOT NULL,
    state text NOT NULL,
    service text NOT NULL,
    "position" integer NOT NULL
);


--
-- Name: TABLE steps; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.steps IS 'The steps that make a product: one kind of job each.';


--
-- Name: COLUMN steps.kind; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.steps.kind IS 'The kind of job.';


--
-- Name: COLUMN steps.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.steps.state IS 'The state in which a product is when the step is taken; it fails in this state.';


--
-- Name: COLUMN steps.service; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.steps.service IS 'The service that the step calls: the shop''s connection to it is used.';


--
-- Name: COLUMN steps."position"; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.steps."position" IS 'The order of the steps.';


--
-- Name: stuck; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.stuck WITH (security_invoker='true') AS
 SELECT p.user_id,
    p.shop_id,
    s.name AS shop,
    p.product_id,
    p.handle,
    p.state,
    p.state_since,
    t.time_limit,
    (jobs.clock() - p.state_since) AS stuck_for
   FROM (((shops.product_states t
     CROSS JOIN LATERAL ( SELECT k.user_id,
            k.shop_id,
            k.product_id,
            k.handle,
            k.state,
            k.state_since,
            k.origin
           FROM shops.products k
          WHERE ((k.state = t.state) AND (k.state_since < (jobs.clock() - t.time_limit)))
         OFFSET 0) p)
     JOIN shops.shops s ON (((s.user_id = p.user_id) AND (s.shop_id = p.shop_id))))
     LEFT JOIN shops.settings g ON (((g.user_id = p.user_id) AND (g.shop_id = p.shop_id))))
  WHERE ((t.time_limit IS NOT NULL) AND (p.origin <> 'imported'::text) AND ((p.state <> 'optimised'::text) OR g.auto_publish));


--
-- Name: VIEW stuck; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.stuck IS 'Products that stay in a state longer than shops.product_states allows. Empty: none is forgotten.';


--
-- Name: COLUMN stuck.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.stuck.user_id IS 'The owner.';


--
-- Name: COLUMN stuck.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.stuck.shop_id IS 'The shop.';


--
-- Name: COLUMN stuck.shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.stuck.shop IS 'Its name.';


--
-- Name: COLUMN stuck.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.stuck.product_id IS 'The product.';


--
-- Name: COLUMN stuck.handle; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.stuck.handle IS 'Its name in links.';


--
-- Name: COLUMN stuck.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.stuck.state IS 'Where it stays.';


--
-- Name: COLUMN stuck.state_since; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.stuck.state_since IS 'Since when.';


--
-- Name: COLUMN stuck.time_limit; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.stuck.time_limit IS 'How long it may stay there.';


--
-- Name: COLUMN stuck.stuck_for; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.stuck.stuck_for IS 'How long it has been there.';


--
-- Name: sync_log; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.sync_log WITH (security_invoker='true') AS
 SELECT y.user_id,
    y.shop_id,
    s.name AS shop,
    y.platform,
    y.sync_id,
    y.product_id,
    p.title,
    y.link,
    y.state,
    y.external_id,
    y.reason,
    y.queued_at,
    y.ended_at
   FROM ((shops.syncs y
     JOIN shops.shops s ON (((s.user_id = y.user_id) AND (s.shop_id = y.shop_id))))
     JOIN shops.products p ON (((p.user_id = y.user_id) AND (p.product_id = y.product_id))));


--
-- Name: VIEW sync_log; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.sync_log IS 'Each attempt to show a product on a platform, and how it ended.';


--
-- Name: COLUMN sync_log.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sync_log.user_id IS 'The owner.';


--
-- Name: COLUMN sync_log.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sync_log.shop_id IS 'The shop.';


--
-- Name: COLUMN sync_log.shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sync_log.shop IS 'Its name.';


--
-- Name: COLUMN sync_log.platform; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sync_log.platform IS 'Where to.';


--
-- Name: COLUMN sync_log.sync_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sync_log.sync_id IS 'The attempt.';


--
-- Name: COLUMN sync_log.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sync_log.product_id IS 'The product.';


--
-- Name: COLUMN sync_log.title; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sync_log.title IS 'Its title now.';


--
-- Name: COLUMN sync_log.link; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sync_log.link IS 'The page that it leads to.';


--
-- Name: COLUMN sync_log.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sync_log.state IS 'queued, done, failed (another run may try again), given_up, skipped, or unknown (it may be there).';


--
-- Name: COLUMN sync_log.external_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sync_log.external_id IS 'The platform''s id, such as a pin; null: it is not known to be there.';


--
-- Name: COLUMN sync_log.reason; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sync_log.reason IS 'Why it is not done; null where there is nothing to say.';


--
-- Name: COLUMN sync_log.queued_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sync_log.queued_at IS 'When a run chose it.';


--
-- Name: COLUMN sync_log.ended_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.sync_log.ended_at IS 'When its outcome was known; null while it is queued.';


--
-- Name: syncs_sync_id_seq; Type: SEQUENCE; Schema: shops; Owner: -
--

ALTER TABLE shops.syncs ALTER COLUMN sync_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shops.syncs_sync_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: texts; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.texts (
    user_id uuid NOT NULL,
    product_id bigint NOT NULL,
    step text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    tags text[] NOT NULL,
    model text NOT NULL,
    created_at timestamp with time zone DEFAULT jobs.clock() NOT NULL,
    CONSTRAINT texts_description_is_not_empty CHECK ((btrim(description) <> ''::text)),
    CONSTRAINT texts_step_is_known CHECK ((step = ANY (ARRAY['written'::text, 'optimised'::text]))),
    CONSTRAINT texts_title_is_1_to_70_characters CHECK (((length(title) >= 1) AND (length(title) <= 70)))
);

ALTER TABLE ONLY shops.texts FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE texts; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.texts IS 'What a model wrote for a product, before and after optimisation.';


--
-- Name: COLUMN texts.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.texts.user_id IS 'The tenant.';


--
-- Name: COLUMN texts.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.texts.product_id IS 'The product.';


--
-- Name: COLUMN texts.step; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.texts.step IS 'written at first, or optimised.';


--
-- Name: COLUMN texts.title; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.texts.title IS 'The title.';


--
-- Name: COLUMN texts.description; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.texts.description IS 'The description, plain text.';


--
-- Name: COLUMN texts.tags; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.texts.tags IS 'The tags.';


--
-- Name: COLUMN texts.model; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.texts.model IS 'The model that wrote it.';


--
-- Name: COLUMN texts.created_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.texts.created_at IS 'When it arrived.';


--
-- Name: trackings; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.trackings (
    user_id uuid NOT NULL,
    shop_id uuid NOT NULL,
    read_up_to timestamp with time zone,
    imported_up_to timestamp with time zone,
    complete_up_to timestamp with time zone GENERATED ALWAYS AS (GREATEST(read_up_to, imported_up_to)) STORED
);

ALTER TABLE ONLY shops.trackings FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE trackings; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.trackings IS 'How far the sales of a shop are known. No row, or null: not at all. Decisions need the whole of yesterday.';


--
-- Name: COLUMN trackings.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.trackings.user_id IS 'The tenant.';


--
-- Name: COLUMN trackings.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.trackings.shop_id IS 'The shop.';


--
-- Name: COLUMN trackings.read_up_to; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.trackings.read_up_to IS 'Every change of an order before this moment was read from the shop: the next pass starts here. Moves only when every page of a pass has arrived.';


--
-- Name: COLUMN trackings.imported_up_to; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.trackings.imported_up_to IS 'End of the last day that an imported file covers.';


--
-- Name: COLUMN trackings.complete_up_to; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.trackings.complete_up_to IS 'The later of the two.';


--
-- Name: unsynced; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.unsynced WITH (security_invoker='true') AS
 SELECT p.user_id,
    p.shop_id,
    s.platform,
    p.product_id,
    p.handle,
    p.title,
    p.image_url,
    s.target
   FROM ((shops.platform_status s
     JOIN shops.platforms f ON ((f.platform = s.platform)))
     JOIN shops.products p ON (((p.user_id = s.user_id) AND (p.shop_id = s.shop_id))))
  WHERE ((s.obstacle IS NULL) AND (p.shop_status = 'ACTIVE'::text) AND (p.image_url IS NOT NULL) AND (NOT (EXISTS ( SELECT
           FROM shops.syncs y
          WHERE ((y.user_id = p.user_id) AND (y.product_id = p.product_id) AND (y.platform = s.platform) AND ((y.state = ANY (ARRAY['done'::text, 'queued'::text, 'given_up'::text])) OR ((y.state = 'unknown'::text) AND (y.queued_at > (jobs.clock() - f.repeat_after)))))))));


--
-- Name: VIEW unsynced; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.unsynced IS 'Products that could be shown on a platform now: active in a shop whose way there is free, with a picture, and neither there, nor on the way, nor given up, nor possibly there (then not for platforms.repeat_after).';


--
-- Name: COLUMN unsynced.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.unsynced.user_id IS 'The owner.';


--
-- Name: COLUMN unsynced.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.unsynced.shop_id IS 'The shop.';


--
-- Name: COLUMN unsynced.platform; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.unsynced.platform IS 'The platform.';


--
-- Name: COLUMN unsynced.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.unsynced.product_id IS 'The product.';


--
-- Name: COLUMN unsynced.handle; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.unsynced.handle IS 'Its name in links.';


--
-- Name: COLUMN unsynced.title; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.unsynced.title IS 'Its title.';


--
-- Name: COLUMN unsynced.image_url; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.unsynced.image_url IS 'Its picture.';


--
-- Name: COLUMN unsynced.target; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.unsynced.target IS 'The board that it would go to.';


--
-- Name: variants; Type: TABLE; Schema: shops; Owner: -
--

CREATE TABLE shops.variants (
    user_id uuid NOT NULL,
    shop_id uuid NOT NULL,
    product_id bigint NOT NULL,
    variant_no integer NOT NULL,
    sku text,
    title text,
    price_minor bigint,
    CONSTRAINT variants_price_is_not_negative CHECK ((price_minor >= 0))
);

ALTER TABLE ONLY shops.variants FORCE ROW LEVEL SECURITY;


--
-- Name: TABLE variants; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON TABLE shops.variants IS 'Variants of imported products, by which the lines of orders find them.';


--
-- Name: COLUMN variants.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.variants.user_id IS 'The tenant.';


--
-- Name: COLUMN variants.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.variants.shop_id IS 'The shop.';


--
-- Name: COLUMN variants.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.variants.product_id IS 'The product.';


--
-- Name: COLUMN variants.variant_no; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.variants.variant_no IS 'Place in the product, from 1.';


--
-- Name: COLUMN variants.sku; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.variants.sku IS 'Stock keeping unit.';


--
-- Name: COLUMN variants.title; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.variants.title IS 'Its options, like "Small / Red"; null: the only one.';


--
-- Name: COLUMN variants.price_minor; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.variants.price_minor IS 'Price in minor units of the product''s currency.';


--
-- Name: windows; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.windows WITH (security_invoker='true') AS
 SELECT s.user_id,
    s.shop_id,
    s.name AS shop,
    p.product_id,
    p.sku,
    p.title,
    p.state,
    p.shop_status,
    d.today,
    d.complete_up_to,
    d.fresh,
    p.first_tracked_at,
    u.tracked_days,
    u.units_3,
    u.units_7,
    u.units_10,
    u.units_14,
        CASE
            WHEN (p.first_tracked_at IS NOT NULL) THEN u.first_units
            ELSE NULL::bigint
        END AS first_units,
        CASE
            WHEN (p.first_tracked_at IS NOT NULL) THEN u.lifetime_units
            ELSE NULL::bigint
        END AS lifetime_units,
    u.gross_3,
    u.gross_7,
    u.gross_10,
    u.gross_14,
        CASE
            WHEN (p.first_tracked_at IS NOT NULL) THEN u.first_gross
            ELSE NULL::bigint
        END AS first_gross,
        CASE
            WHEN (p.first_tracked_at IS NOT NULL) THEN u.lifetime_gross
            ELSE NULL::bigint
        END AS lifetime_gross
   FROM (((shops.shops s
     CROSS JOIN LATERAL shops._day(s.user_id, s.shop_id) d(user_id, shop_id, today, day_start, day_3, day_7, day_10, day_14, complete_up_to, fresh, start_phase))
     JOIN shops.products p ON (((p.user_id = d.user_id) AND (p.shop_id = d.shop_id))))
     CROSS JOIN LATERAL ( SELECT COALESCE(sum(l.net_units) FILTER (WHERE (l.created_at >= d.day_3)), (0)::bigint) AS units_3,
            COALESCE(sum(l.net_units) FILTER (WHERE (l.created_at >= d.day_7)), (0)::bigint) AS units_7,
            COALESCE(sum(l.net_units) FILTER (WHERE (l.created_at >= d.day_10)), (0)::bigint) AS units_10,
            COALESCE(sum(l.net_units) FILTER (WHERE (l.created_at >= d.day_14)), (0)::bigint) AS units_14,
            COALESCE(sum(l.net_units) FILTER (WHERE ((l.created_at >= p.first_tracked_at) AND (l.created_at < (p.first_tracked_at + d.start_phase)))), (0)::bigint) AS first_units,
            COALESCE(sum(l.net_units) FILTER (WHERE (l.created_at >= p.first_tracked_at)), (0)::bigint) AS lifetime_units,
            COALESCE(sum(l.quantity) FILTER (WHERE (l.created_at >= d.day_3)), (0)::bigint) AS gross_3,
            COALESCE(sum(l.quantity) FILTER (WHERE (l.created_at >= d.day_7)), (0)::bigint) AS gross_7,
            COALESCE(sum(l.quantity) FILTER (WHERE (l.created_at >= d.day_10)), (0)::bigint) AS gross_10,
            COALESCE(sum(l.quantity) FILTER (WHERE (l.created_at >= d.day_14)), (0)::bigint) AS gross_14,
            COALESCE(sum(l.quantity) FILTER (WHERE ((l.created_at >= p.first_tracked_at) AND (l.created_at < (p.first_tracked_at + d.start_phase)))), (0)::bigint) AS first_gross,
            COALESCE(sum(l.quantity) FILTER (WHERE (l.created_at >= p.first_tracked_at)), (0)::bigint) AS lifetime_gross,
            (date_part('epoch'::text, (d.day_start - p.first_tracked_at)) / (86400)::double precision) AS tracked_days
           FROM shops.order_lines l
          WHERE ((l.user_id = p.user_id) AND (l.shop_id = p.shop_id) AND (l.product_id = p.product_id) AND (l.created_at >= LEAST(d.day_14, p.first_tracked_at)) AND (l.created_at < d.day_start))) u);


--
-- Name: VIEW windows; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.windows IS 'What each product sold in the last 3, 7, 10 and 14 whole days of its shop''s time zone, in its first days, and since it is tracked. units_… are net: cancelled, refunded and test units do not count; gross_… are all that were ordered. Ask for one shop_id.';


--
-- Name: COLUMN windows.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.user_id IS 'The owner.';


--
-- Name: COLUMN windows.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.shop_id IS 'The shop.';


--
-- Name: COLUMN windows.shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.shop IS 'Its name.';


--
-- Name: COLUMN windows.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.product_id IS 'The product.';


--
-- Name: COLUMN windows.sku; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.sku IS 'Its stock keeping unit.';


--
-- Name: COLUMN windows.title; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.title IS 'Its title.';


--
-- Name: COLUMN windows.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.state IS 'Where it is in its life.';


--
-- Name: COLUMN windows.shop_status; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.shop_status IS 'DRAFT, ACTIVE, ARCHIVED or UNLISTED, as the shop says.';


--
-- Name: COLUMN windows.today; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.today IS 'The present day of the shop, not counted.';


--
-- Name: COLUMN windows.complete_up_to; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.complete_up_to IS 'Up to when sales are known; null: not at all.';


--
-- Name: COLUMN windows.fresh; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.fresh IS 'The whole of yesterday is known.';


--
-- Name: COLUMN windows.first_tracked_at; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.first_tracked_at IS 'Since when it is tracked; null: not yet.';


--
-- Name: COLUMN windows.tracked_days; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.tracked_days IS 'Days from then to the beginning of today; null: not tracked.';


--
-- Name: COLUMN windows.units_3; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.units_3 IS 'Net units of the last 3 whole days.';


--
-- Name: COLUMN windows.units_7; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.units_7 IS 'Net units of the last 7 whole days.';


--
-- Name: COLUMN windows.units_10; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.units_10 IS 'Net units of the last 10 whole days.';


--
-- Name: COLUMN windows.units_14; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.units_14 IS 'Net units of the last 14 whole days.';


--
-- Name: COLUMN windows.first_units; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.first_units IS 'Net units of the first days (start_phase_days times 24 hours); null: not tracked.';


--
-- Name: COLUMN windows.lifetime_units; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.lifetime_units IS 'Net units since first tracking, today not counted; null: not tracked.';


--
-- Name: COLUMN windows.gross_3; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.gross_3 IS 'Units ordered in the last 3 whole days.';


--
-- Name: COLUMN windows.gross_7; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.gross_7 IS 'Units ordered in the last 7 whole days.';


--
-- Name: COLUMN windows.gross_10; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.gross_10 IS 'Units ordered in the last 10 whole days.';


--
-- Name: COLUMN windows.gross_14; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.gross_14 IS 'Units ordered in the last 14 whole days.';


--
-- Name: COLUMN windows.first_gross; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.first_gross IS 'Units ordered in the first days.';


--
-- Name: COLUMN windows.lifetime_gross; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.windows.lifetime_gross IS 'Units ordered since first tracking.';


--
-- Name: winner_candidates; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.winner_candidates WITH (security_invoker='true') AS
 SELECT s.user_id,
    s.shop_id,
    w.shop,
    w.product_id,
    w.sku,
    w.title,
    w.state,
    w.units_3,
    w.units_7,
    w.units_10,
    w.units_14,
    w.lifetime_units,
    t.tracked_days,
    (w.tracked_days / (7)::double precision) AS tracked_weeks,
    w.complete_up_to,
    w.fresh,
    w.shop_status,
    r.plan,
    r.winner_scaling,
    g.scalable,
    r.winner_units AS sales_threshold,
    (w.units_7 - r.winner_units) AS sales_margin,
        CASE
            WHEN w.fresh THEN (g.scalable AND (w.units_7 >= r.winner_units))
            ELSE NULL::boolean
        END AS sales_winner,
    b.passed AS buckets_passed,
    r.min_buckets AS buckets_threshold,
    (b.passed - r.min_buckets) AS buckets_margin,
        CASE
            WHEN w.fresh THEN (g.scalable AND (b.passed >= r.min_buckets))
            ELSE NULL::boolean
        END AS buckets_winner,
    o.probability,
    k.certainty AS posterior_threshold,
    (o.probability - (k.certainty)::double precision) AS posterior_margin,
        CASE
            WHEN (o.probability IS NULL) THEN 'undecided'::text
            WHEN (o.probability >= (r.winner_certainty)::double precision) THEN 'winner'::text
            WHEN (o.probability >= (r.keep_certainty)::double precision) THEN 'promising'::text
            WHEN (((1)::double precision - o.break_even) >= (r.loser_certainty)::double precision) THEN 'loser'::text
            ELSE 'undecided'::text
        END AS posterior_band,
        CASE
            WHEN w.fresh THEN (g.scalable AND COALESCE((o.probability >= (k.certainty)::double precision), false))
            ELSE NULL::boolean
        END AS posterior_winner,
    r.winner_rule AS rule,
    r.version AS rules_version,
        CASE
            WHEN w.fresh THEN (g.scalable AND
            CASE r.winner_rule
                WHEN 'sales'::text THEN (w.units_7 >= r.winner_units)
                WHEN 'buckets'::text THEN (b.passed >= r.min_buckets)
                ELSE COALESCE((o.probability >= (k.certainty)::double precision), false)
            END)
            ELSE NULL::boolean
        END AS winner,
        CASE
            WHEN (w.complete_up_to IS NULL) THEN 'Unknown: no orders were read yet.'::text
            WHEN (NOT w.fresh) THEN format('Unknown: sales are known up to %s, not to the end of yesterday.'::text, to_char((w.complete_up_to AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI "UTC"'::text))
            WHEN (w.shop_status IS DISTINCT FROM 'ACTIVE'::text) THEN 'It is not on sale.'::text
            WHEN (NOT r.winner_scaling) THEN format('The plan %s has no winner scaling.'::text, r.plan)
            WHEN (r.winner_rule = 'sales'::text) THEN (((w.units_7 || ' net units in the last 7 days, of '::text) || r.winner_units) || '.'::text)
            WHEN (r.winner_rule = 'buckets'::text) THEN (((b.passed || ' of the windows 3, 7, 10, 14 pass, of '::text) || r.min_buckets) || '.'::text)
            WHEN (o.probability IS NULL) THEN (((('Tracked for '::text || COALESCE(t.tracked_days, 0)) || ' days, of '::text) || r.posterior_days) || '.'::text)
            ELSE format('Sells %s a week or more with a probability of %s, of %s.'::text, r.target_weekly_units, round((o.probability)::numeric, 3), k.certainty)
        END AS why
   FROM (((((((shops.shops s
     CROSS JOIN LATERAL shops._rules(s.user_id, s.shop_id) r(user_id, shop_id, plan, winner_scaling, version, winner_rule, winner_units, bucket_units_3, bucket_units_7, bucket_units_10, bucket_units_14, min_buckets, target_weekly_units, break_even_weekly_units, prior_shape, prior_weekly_units, posterior_days, winner_certainty, keep_certainty, loser_certainty))
     JOIN shops.windows w ON (((w.user_id = r.user_id) AND (w.shop_id = r.shop_id))))
     CROSS JOIN LATERAL ( SELECT (GREATEST(floor(w.tracked_days), (0)::double precision))::integer AS "greatest") t(tracked_days))
     CROSS JOIN LATERAL ( SELECT ((NOT (w.shop_status IS DISTINCT FROM 'ACTIVE'::text)) AND r.winner_scaling) AS "?column?") g(scalable))
     CROSS JOIN LATERAL ( SELECT (((((w.units_3 >= r.bucket_units_3))::integer + ((w.units_7 >= r.bucket_units_7))::integer) + ((w.units_10 >= r.bucket_units_10))::integer) + ((w.units_14 >= r.bucket_units_14))::integer) AS "?column?") b(passed))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (w.state = 'winner'::text) THEN r.keep_certainty
                    ELSE r.winner_certainty
                END AS winner_certainty) k(certainty))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (w.tracked_days >= (r.posterior_days)::double precision) THEN shops.probability_above(r.target_weekly_units, w.lifetime_units, (w.tracked_days / (7)::double precision), r.prior_shape, r.prior_weekly_units)
                    ELSE NULL::double precision
                END AS "case",
                CASE
                    WHEN (w.tracked_days >= (r.posterior_days)::double precision) THEN shops.probability_above(r.break_even_weekly_units, w.lifetime_units, (w.tracked_days / (7)::double precision), r.prior_shape, r.prior_weekly_units)
                    ELSE NULL::double precision
                END AS "case"
         OFFSET 0) o(probability, break_even))
  WHERE (w.state = ANY (ARRAY['published'::text, 'winner'::text, 'loser'::text]));


--
-- Name: VIEW winner_candidates; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.winner_candidates IS 'Every product on sale under the three winner rules side by side: value, threshold, margin and verdict. winner is the verdict of the shop''s own rule; null is unknown, because sales are not complete to the end of yesterday. Nothing is decided here: shops.run_scaling does. Ask for one shop_id.';


--
-- Name: COLUMN winner_candidates.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.user_id IS 'The owner.';


--
-- Name: COLUMN winner_candidates.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.shop_id IS 'The shop.';


--
-- Name: COLUMN winner_candidates.shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.shop IS 'Its name.';


--
-- Name: COLUMN winner_candidates.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.product_id IS 'The product.';


--
-- Name: COLUMN winner_candidates.sku; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.sku IS 'Its stock keeping unit.';


--
-- Name: COLUMN winner_candidates.title; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.title IS 'Its title.';


--
-- Name: COLUMN winner_candidates.state; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.state IS 'published, winner or loser: what was decided last.';


--
-- Name: COLUMN winner_candidates.units_3; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.units_3 IS 'Net units of the last 3 whole days.';


--
-- Name: COLUMN winner_candidates.units_7; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.units_7 IS 'Net units of the last 7 whole days: the value of the rule sales.';


--
-- Name: COLUMN winner_candidates.units_10; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.units_10 IS 'Net units of the last 10 whole days.';


--
-- Name: COLUMN winner_candidates.units_14; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.units_14 IS 'Net units of the last 14 whole days.';


--
-- Name: COLUMN winner_candidates.lifetime_units; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.lifetime_units IS 'Net units since first tracking; null: not tracked.';


--
-- Name: COLUMN winner_candidates.tracked_days; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.tracked_days IS 'Whole days since first tracking; null: not tracked.';


--
-- Name: COLUMN winner_candidates.tracked_weeks; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.tracked_weeks IS 'The same in weeks, not rounded.';


--
-- Name: COLUMN winner_candidates.complete_up_to; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.complete_up_to IS 'Up to when sales are known; null: not at all.';


--
-- Name: COLUMN winner_candidates.fresh; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.fresh IS 'The whole of yesterday is known.';


--
-- Name: COLUMN winner_candidates.shop_status; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.shop_status IS 'As the shop says; only ACTIVE products can win.';


--
-- Name: COLUMN winner_candidates.plan; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.plan IS 'The owner''s plan.';


--
-- Name: COLUMN winner_candidates.winner_scaling; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.winner_scaling IS 'The plan has winner scaling.';


--
-- Name: COLUMN winner_candidates.scalable; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.scalable IS 'On sale, and the plan has winner scaling: needed under every rule.';


--
-- Name: COLUMN winner_candidates.sales_threshold; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.sales_threshold IS 'Units that the rule sales asks for.';


--
-- Name: COLUMN winner_candidates.sales_margin; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.sales_margin IS 'Units above (or, negative, below) it.';


--
-- Name: COLUMN winner_candidates.sales_winner; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.sales_winner IS 'Verdict of the rule sales; null: unknown.';


--
-- Name: COLUMN winner_candidates.buckets_passed; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.buckets_passed IS 'Windows that pass: the value of the rule buckets.';


--
-- Name: COLUMN winner_candidates.buckets_threshold; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.buckets_threshold IS 'Windows that the rule asks for.';


--
-- Name: COLUMN winner_candidates.buckets_margin; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.buckets_margin IS 'Windows above (or below) it.';


--
-- Name: COLUMN winner_candidates.buckets_winner; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.buckets_winner IS 'Verdict of the rule buckets; null: unknown.';


--
-- Name: COLUMN winner_candidates.probability; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.probability IS 'Probability of selling target_weekly_units a week: the value of the rule posterior; null: tracked for too few days.';


--
-- Name: COLUMN winner_candidates.posterior_threshold; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.posterior_threshold IS 'winner_certainty, or keep_certainty for a product that is a winner.';


--
-- Name: COLUMN winner_candidates.posterior_margin; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.posterior_margin IS 'Probability above (or below) it.';


--
-- Name: COLUMN winner_candidates.posterior_band; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.posterior_band IS 'winner, promising, undecided, or loser: likely sells less than break even.';


--
-- Name: COLUMN winner_candidates.posterior_winner; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.posterior_winner IS 'Verdict of the rule posterior; null: unknown.';


--
-- Name: COLUMN winner_candidates.rule; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.rule IS 'The rule that the shop chose.';


--
-- Name: COLUMN winner_candidates.rules_version; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.rules_version IS 'Version of its rules.';


--
-- Name: COLUMN winner_candidates.winner; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.winner IS 'Verdict of that rule; null: unknown.';


--
-- Name: COLUMN winner_candidates.why; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_candidates.why IS 'The verdict in one sentence.';


--
-- Name: winner_conditions; Type: VIEW; Schema: shops; Owner: -
--

CREATE VIEW shops.winner_conditions WITH (security_invoker='true') AS
 SELECT c.user_id,
    c.shop_id,
    c.product_id,
    k."position",
    k.rule,
    ((k.rule = 'all'::text) OR (k.rule = c.rule)) AS counts,
    k.condition,
    k.value,
    k.threshold,
    k.margin,
    k.pass,
    k.flip
   FROM ((shops.winner_candidates c
     JOIN shops.present_rules r ON (((r.user_id = c.user_id) AND (r.shop_id = c.shop_id))))
     CROSS JOIN LATERAL ( VALUES (1,'all'::text,'sales known'::text,to_char((c.complete_up_to AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD HH24:MI'::text),'end of yesterday'::text,NULL::numeric,c.fresh,
                CASE
                    WHEN c.fresh THEN 'the end of the day'::text
                    ELSE 'reading the orders'::text
                END), (2,'all'::text,'on sale'::text,c.shop_status,'ACTIVE'::text,NULL::numeric,(NOT (c.shop_status IS DISTINCT FROM 'ACTIVE'::text)),
                CASE
                    WHEN (c.shop_status = 'ACTIVE'::text) THEN 'taking it off sale'::text
                    ELSE 'putting it on sale'::text
                END), (3,'all'::text,'plan'::text,c.plan,'one with winner scaling'::text,NULL::numeric,c.winner_scaling,'another plan'::text), (4,'sales'::text,'units in 7 days'::text,(c.units_7)::text,(r.winner_units)::text,(c.units_7 - r.winner_units),(c.units_7 >= r.winner_units),shops._more((c.units_7 - r.winner_units), 'net unit in 7 days'::text)), (5,'buckets'::text,'units in 3 days'::text,(c.units_3)::text,(r.bucket_units_3)::text,(c.units_3 - r.bucket_units_3),(c.units_3 >= r.bucket_units_3),shops._more((c.units_3 - r.bucket_units_3), 'net unit in 3 days'::text)), (6,'buckets'::text,'units in 7 days'::text,(c.units_7)::text,(r.bucket_units_7)::text,(c.units_7 - r.bucket_units_7),(c.units_7 >= r.bucket_units_7),shops._more((c.units_7 - r.bucket_units_7), 'net unit in 7 days'::text)), (7,'buckets'::text,'units in 10 days'::text,(c.units_10)::text,(r.bucket_units_10)::text,(c.units_10 - r.bucket_units_10),(c.units_10 >= r.bucket_units_10),shops._more((c.units_10 - r.bucket_units_10), 'net unit in 10 days'::text)), (8,'buckets'::text,'units in 14 days'::text,(c.units_14)::text,(r.bucket_units_14)::text,(c.units_14 - r.bucket_units_14),(c.units_14 >= r.bucket_units_14),shops._more((c.units_14 - r.bucket_units_14), 'net unit in 14 days'::text)), (9,'buckets'::text,'windows that pass'::text,(c.buckets_passed)::text,(r.min_buckets)::text,c.buckets_margin,(c.buckets_margin >= 0),shops._more((c.buckets_margin)::bigint, 'window'::text)), (10,'posterior'::text,'days tracked'::text,(COALESCE(c.tracked_days, 0))::text,(r.posterior_days)::text,(COALESCE(c.tracked_days, 0) - r.posterior_days),(c.probability IS NOT NULL),shops._more(((COALESCE(c.tracked_days, 0) - r.posterior_days))::bigint, 'day'::text)), (11,'posterior'::text,format('P(%s a week or more)'::text, r.target_weekly_units),(round((c.probability)::numeric, 3))::text,(c.posterior_threshold)::text,round((c.posterior_margin)::numeric, 3),COALESCE((c.posterior_margin >= (0)::double precision), false),shops._more((c.lifetime_units - shops.units_needed((c.posterior_threshold)::double precision, (r.target_weekly_units)::double precision, c.tracked_weeks, r.prior_shape, (r.prior_weekly_units)::double precision)), 'net unit since tracking'::text))) k("position", rule, condition, value, threshold, margin, pass, flip));


--
-- Name: VIEW winner_conditions; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON VIEW shops.winner_conditions IS 'Every condition of every winner rule for every product on sale, one row each: value, threshold, margin, and what would flip it. Ask for one product_id and its shop_id.';


--
-- Name: COLUMN winner_conditions.user_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_conditions.user_id IS 'The owner.';


--
-- Name: COLUMN winner_conditions.shop_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_conditions.shop_id IS 'The shop.';


--
-- Name: COLUMN winner_conditions.product_id; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_conditions.product_id IS 'The product.';


--
-- Name: COLUMN winner_conditions."position"; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_conditions."position" IS 'Order to read them in.';


--
-- Name: COLUMN winner_conditions.rule; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_conditions.rule IS 'The rule that it is of; all: of every rule.';


--
-- Name: COLUMN winner_conditions.counts; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_conditions.counts IS 'It is part of the shop''s own rule.';


--
-- Name: COLUMN winner_conditions.condition; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_conditions.condition IS 'What is looked at.';


--
-- Name: COLUMN winner_conditions.value; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_conditions.value IS 'What it is.';


--
-- Name: COLUMN winner_conditions.threshold; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_conditions.threshold IS 'What it must be, or reach.';


--
-- Name: COLUMN winner_conditions.margin; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_conditions.margin IS 'How far above (or, negative, below) the threshold; null: not a number.';


--
-- Name: COLUMN winner_conditions.pass; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_conditions.pass IS 'It is met.';


--
-- Name: COLUMN winner_conditions.flip; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON COLUMN shops.winner_conditions.flip IS 'What would turn it around.';


--
-- Name: effects_default; Type: TABLE ATTACH; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.effects ATTACH PARTITION jobs.effects_default DEFAULT;


--
-- Name: history_default; Type: TABLE ATTACH; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.history ATTACH PARTITION jobs.history_default DEFAULT;


--
-- Name: jobs_default; Type: TABLE ATTACH; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.jobs ATTACH PARTITION jobs.jobs_default DEFAULT;


--
-- Name: connections connections_happen_once; Type: CONSTRAINT; Schema: accounts; Owner: -
--

ALTER TABLE ONLY accounts.connections
    ADD CONSTRAINT connections_happen_once UNIQUE (user_id, service, account);


--
-- Name: connections connections_id_is_unique; Type: CONSTRAINT; Schema: accounts; Owner: -
--

ALTER TABLE ONLY accounts.connections
    ADD CONSTRAINT connections_id_is_unique UNIQUE (connection_id);


--
-- Name: connections connections_pkey; Type: CONSTRAINT; Schema: accounts; Owner: -
--

ALTER TABLE ONLY accounts.connections
    ADD CONSTRAINT connections_pkey PRIMARY KEY (user_id, connection_id);


--
-- Name: plans plans_pkey; Type: CONSTRAINT; Schema: accounts; Owner: -
--

ALTER TABLE ONLY accounts.plans
    ADD CONSTRAINT plans_pkey PRIMARY KEY (plan);


--
-- Name: secrets secrets_pkey; Type: CONSTRAINT; Schema: accounts; Owner: -
--

ALTER TABLE ONLY accounts.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (user_id, connection_id, field);


--
-- Name: services services_pkey; Type: CONSTRAINT; Schema: accounts; Owner: -
--

ALTER TABLE ONLY accounts.services
    ADD CONSTRAINT services_pkey PRIMARY KEY (service);


--
-- Name: subscriptions subscriptions_pkey; Type: CONSTRAINT; Schema: accounts; Owner: -
--

ALTER TABLE ONLY accounts.subscriptions
    ADD CONSTRAINT subscriptions_pkey PRIMARY KEY (user_id, subscription_id);


--
-- Name: users users_happen_once; Type: CONSTRAINT; Schema: accounts; Owner: -
--

ALTER TABLE ONLY accounts.users
    ADD CONSTRAINT users_happen_once UNIQUE (email);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: accounts; Owner: -
--

ALTER TABLE ONLY accounts.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (user_id);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: autom; Owner: -
--

ALTER TABLE ONLY autom.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: code code_pkey; Type: CONSTRAINT; Schema: autom; Owner: -
--

ALTER TABLE ONLY autom.code
    ADD CONSTRAINT code_pkey PRIMARY KEY (only_row);


--
-- Name: alert_channels alert_channels_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.alert_channels
    ADD CONSTRAINT alert_channels_pkey PRIMARY KEY (channel);


--
-- Name: alert_notices alert_notices_happen_once; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.alert_notices
    ADD CONSTRAINT alert_notices_happen_once PRIMARY KEY (alert_id, channel, news);


--
-- Name: alert_rules alert_rules_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.alert_rules
    ADD CONSTRAINT alert_rules_pkey PRIMARY KEY (rule);


--
-- Name: alert_silences alert_silences_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.alert_silences
    ADD CONSTRAINT alert_silences_pkey PRIMARY KEY (rule, about);


--
-- Name: alerts alerts_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (alert_id);


--
-- Name: awaits awaits_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.awaits
    ADD CONSTRAINT awaits_pkey PRIMARY KEY (job_id);


--
-- Name: buckets buckets_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.buckets
    ADD CONSTRAINT buckets_pkey PRIMARY KEY (queue, key);


--
-- Name: chores chores_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.chores
    ADD CONSTRAINT chores_pkey PRIMARY KEY (chore);


--
-- Name: dead_letters dead_letters_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (job_id);


--
-- Name: effects effects_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.effects
    ADD CONSTRAINT effects_pkey PRIMARY KEY (job_id, run_no);


--
-- Name: effects_default effects_default_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.effects_default
    ADD CONSTRAINT effects_default_pkey PRIMARY KEY (job_id, run_no);


--
-- Name: events events_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (event);


--
-- Name: fires fires_happen_once; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.fires
    ADD CONSTRAINT fires_happen_once PRIMARY KEY (schedule, fire_at);


--
-- Name: history history_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.history
    ADD CONSTRAINT history_pkey PRIMARY KEY (job_id, run_no);


--
-- Name: history_default history_default_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.history_default
    ADD CONSTRAINT history_default_pkey PRIMARY KEY (job_id, run_no);


--
-- Name: history_hours history_hours_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.history_hours
    ADD CONSTRAINT history_hours_pkey PRIMARY KEY (hour, queue, kind);


--
-- Name: jobs jobs_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (job_id);


--
-- Name: jobs_default jobs_default_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.jobs_default
    ADD CONSTRAINT jobs_default_pkey PRIMARY KEY (job_id);


--
-- Name: kinds kinds_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.kinds
    ADD CONSTRAINT kinds_pkey PRIMARY KEY (kind);


--
-- Name: limits limits_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.limits
    ADD CONSTRAINT limits_pkey PRIMARY KEY (queue, key);


--
-- Name: parked parked_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.parked
    ADD CONSTRAINT parked_pkey PRIMARY KEY (job_id);


--
-- Name: pauses pauses_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.pauses
    ADD CONSTRAINT pauses_pkey PRIMARY KEY (queue, key);


--
-- Name: progress progress_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.progress
    ADD CONSTRAINT progress_pkey PRIMARY KEY (job_id);


--
-- Name: queues queues_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.queues
    ADD CONSTRAINT queues_pkey PRIMARY KEY (queue);


--
-- Name: ready ready_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.ready
    ADD CONSTRAINT ready_pkey PRIMARY KEY (queue, priority, key, seq);


--
-- Name: retention retention_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.retention
    ADD CONSTRAINT retention_pkey PRIMARY KEY (what);


--
-- Name: rolled_hours rolled_hours_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.rolled_hours
    ADD CONSTRAINT rolled_hours_pkey PRIMARY KEY (hour);


--
-- Name: run_log run_log_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.run_log
    ADD CONSTRAINT run_log_pkey PRIMARY KEY (run_id);


--
-- Name: running running_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.running
    ADD CONSTRAINT running_pkey PRIMARY KEY (job_id);


--
-- Name: scheduled scheduled_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.scheduled
    ADD CONSTRAINT scheduled_pkey PRIMARY KEY (job_id);


--
-- Name: schedules schedules_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (schedule);


--
-- Name: staging staging_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.staging
    ADD CONSTRAINT staging_pkey PRIMARY KEY (load_id, line);


--
-- Name: steps steps_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.steps
    ADD CONSTRAINT steps_pkey PRIMARY KEY (job_id, step);


--
-- Name: unique_keys unique_keys_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.unique_keys
    ADD CONSTRAINT unique_keys_pkey PRIMARY KEY (kind, unique_key);


--
-- Name: waits waits_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.waits
    ADD CONSTRAINT waits_pkey PRIMARY KEY (job_id, parent_id);


--
-- Name: workers workers_pkey; Type: CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (worker_id);


--
-- Name: ai_calls ai_calls_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.ai_calls
    ADD CONSTRAINT ai_calls_pkey PRIMARY KEY (user_id, ai_call_id);


--
-- Name: boards boards_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.boards
    ADD CONSTRAINT boards_pkey PRIMARY KEY (user_id, shop_id, board_id);


--
-- Name: budget_months budget_months_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.budget_months
    ADD CONSTRAINT budget_months_pkey PRIMARY KEY (user_id, month);


--
-- Name: budgets budgets_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.budgets
    ADD CONSTRAINT budgets_pkey PRIMARY KEY (user_id);


--
-- Name: campaigns campaigns_are_connected_once; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.campaigns
    ADD CONSTRAINT campaigns_are_connected_once UNIQUE (user_id, connection_id, external_id);


--
-- Name: campaigns campaigns_are_named_once; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.campaigns
    ADD CONSTRAINT campaigns_are_named_once UNIQUE (campaign_id);


--
-- Name: campaigns campaigns_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.campaigns
    ADD CONSTRAINT campaigns_pkey PRIMARY KEY (user_id, campaign_id);


--
-- Name: collections collections_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.collections
    ADD CONSTRAINT collections_pkey PRIMARY KEY (user_id, shop_id, collection_gid);


--
-- Name: creation_plans creation_plans_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.creation_plans
    ADD CONSTRAINT creation_plans_pkey PRIMARY KEY (user_id, creation_plan_id);


--
-- Name: decisions decisions_happen_once_a_day; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.decisions
    ADD CONSTRAINT decisions_happen_once_a_day UNIQUE (user_id, product_id, decided_on);


--
-- Name: decisions decisions_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (user_id, decision_id);


--
-- Name: default_prompts default_prompts_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.default_prompts
    ADD CONSTRAINT default_prompts_pkey PRIMARY KEY (type);


--
-- Name: designs designs_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.designs
    ADD CONSTRAINT designs_pkey PRIMARY KEY (user_id, product_id);


--
-- Name: import_lines import_lines_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.import_lines
    ADD CONSTRAINT import_lines_pkey PRIMARY KEY (user_id, import_id, line_no);


--
-- Name: import_rejects import_rejects_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.import_rejects
    ADD CONSTRAINT import_rejects_pkey PRIMARY KEY (user_id, import_id, line_no);


--
-- Name: imports imports_are_named_once; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.imports
    ADD CONSTRAINT imports_are_named_once UNIQUE (import_id);


--
-- Name: imports imports_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (user_id, import_id);


--
-- Name: models models_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.models
    ADD CONSTRAINT models_pkey PRIMARY KEY (task, model, quality);


--
-- Name: niches niches_are_once_per_shop; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.niches
    ADD CONSTRAINT niches_are_once_per_shop UNIQUE (user_id, shop_id, slug);


--
-- Name: niches niches_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.niches
    ADD CONSTRAINT niches_pkey PRIMARY KEY (user_id, niche_id);


--
-- Name: order_lines order_lines_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.order_lines
    ADD CONSTRAINT order_lines_pkey PRIMARY KEY (user_id, shop_id, order_id, line_no);


--
-- Name: order_passes order_passes_are_named_once; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.order_passes
    ADD CONSTRAINT order_passes_are_named_once UNIQUE (pass_id);


--
-- Name: order_passes order_passes_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.order_passes
    ADD CONSTRAINT order_passes_pkey PRIMARY KEY (user_id, pass_id);


--
-- Name: orders orders_happen_once; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.orders
    ADD CONSTRAINT orders_happen_once UNIQUE (user_id, shop_id, order_key);


--
-- Name: orders orders_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (user_id, shop_id, order_id);


--
-- Name: plan_budgets plan_budgets_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.plan_budgets
    ADD CONSTRAINT plan_budgets_pkey PRIMARY KEY (plan);


--
-- Name: platform_stops platform_stops_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.platform_stops
    ADD CONSTRAINT platform_stops_pkey PRIMARY KEY (user_id, shop_id, platform);


--
-- Name: platforms platforms_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.platforms
    ADD CONSTRAINT platforms_pkey PRIMARY KEY (platform);


--
-- Name: product_moves product_moves_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.product_moves
    ADD CONSTRAINT product_moves_pkey PRIMARY KEY (from_state, to_state);


--
-- Name: product_states product_states_come_in_order; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.product_states
    ADD CONSTRAINT product_states_come_in_order UNIQUE ("position");


--
-- Name: product_states product_states_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.product_states
    ADD CONSTRAINT product_states_pkey PRIMARY KEY (state);


--
-- Name: products products_are_named_once; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.products
    ADD CONSTRAINT products_are_named_once UNIQUE (product_id);


--
-- Name: products products_are_of_one_shop; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.products
    ADD CONSTRAINT products_are_of_one_shop UNIQUE (user_id, shop_id, product_id);


--
-- Name: products products_gid_is_once_per_shop; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.products
    ADD CONSTRAINT products_gid_is_once_per_shop UNIQUE (user_id, shop_id, product_gid);


--
-- Name: products products_handle_is_once_per_shop; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.products
    ADD CONSTRAINT products_handle_is_once_per_shop UNIQUE (user_id, shop_id, handle);


--
-- Name: products products_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (user_id, product_id);


--
-- Name: prompts prompts_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.prompts
    ADD CONSTRAINT prompts_pkey PRIMARY KEY (user_id, shop_id, type, version);


--
-- Name: quota_months quota_months_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.quota_months
    ADD CONSTRAINT quota_months_pkey PRIMARY KEY (user_id, month);


--
-- Name: refunds refunds_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.refunds
    ADD CONSTRAINT refunds_pkey PRIMARY KEY (user_id, shop_id, order_id, refund_no);


--
-- Name: scaling_intents scaling_intents_are_named_once; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.scaling_intents
    ADD CONSTRAINT scaling_intents_are_named_once UNIQUE (intent_id);


--
-- Name: scaling_intents scaling_intents_happen_once; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.scaling_intents
    ADD CONSTRAINT scaling_intents_happen_once UNIQUE (user_id, decision_id, action, target);


--
-- Name: scaling_intents scaling_intents_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.scaling_intents
    ADD CONSTRAINT scaling_intents_pkey PRIMARY KEY (user_id, intent_id);


--
-- Name: settings settings_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (user_id, shop_id);


--
-- Name: shop_connections shop_connections_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.shop_connections
    ADD CONSTRAINT shop_connections_pkey PRIMARY KEY (user_id, shop_id, service);


--
-- Name: shop_runs shop_runs_happen_once; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.shop_runs
    ADD CONSTRAINT shop_runs_happen_once UNIQUE (user_id, shop_id, job, run_id);


--
-- Name: shop_runs shop_runs_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.shop_runs
    ADD CONSTRAINT shop_runs_pkey PRIMARY KEY (user_id, shop_run_id);


--
-- Name: shops shops_are_named_once; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.shops
    ADD CONSTRAINT shops_are_named_once UNIQUE (shop_id);


--
-- Name: shops shops_domain_is_once_per_user; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.shops
    ADD CONSTRAINT shops_domain_is_once_per_user UNIQUE (user_id, domain);


--
-- Name: shops shops_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.shops
    ADD CONSTRAINT shops_pkey PRIMARY KEY (user_id, shop_id);


--
-- Name: steps steps_come_in_order; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.steps
    ADD CONSTRAINT steps_come_in_order UNIQUE ("position");


--
-- Name: steps steps_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.steps
    ADD CONSTRAINT steps_pkey PRIMARY KEY (kind);


--
-- Name: syncs syncs_are_named_once; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.syncs
    ADD CONSTRAINT syncs_are_named_once UNIQUE (sync_id);


--
-- Name: syncs syncs_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.syncs
    ADD CONSTRAINT syncs_pkey PRIMARY KEY (user_id, sync_id);


--
-- Name: texts texts_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.texts
    ADD CONSTRAINT texts_pkey PRIMARY KEY (user_id, product_id, step);


--
-- Name: trackings trackings_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.trackings
    ADD CONSTRAINT trackings_pkey PRIMARY KEY (user_id, shop_id);


--
-- Name: variants variants_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.variants
    ADD CONSTRAINT variants_pkey PRIMARY KEY (user_id, shop_id, product_id, variant_no);


--
-- Name: winner_rules winner_rules_pkey; Type: CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.winner_rules
    ADD CONSTRAINT winner_rules_pkey PRIMARY KEY (user_id, shop_id, version);


--
-- Name: connections_service_idx; Type: INDEX; Schema: accounts; Owner: -
--

CREATE INDEX connections_service_idx ON accounts.connections USING btree (service);


--
-- Name: subscriptions_are_live_once; Type: INDEX; Schema: accounts; Owner: -
--

CREATE UNIQUE INDEX subscriptions_are_live_once ON accounts.subscriptions USING btree (user_id) WHERE (state <> 'canceled'::text);


--
-- Name: alert_channels_kind_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX alert_channels_kind_idx ON jobs.alert_channels USING btree (kind);


--
-- Name: alert_notices_channel_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX alert_notices_channel_idx ON jobs.alert_notices USING btree (channel, ended_at);


--
-- Name: alert_notices_untold_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX alert_notices_untold_idx ON jobs.alert_notices USING btree (channel, noticed_at) WHERE (ended_at IS NULL);


--
-- Name: alerts_open_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE UNIQUE INDEX alerts_open_idx ON jobs.alerts USING btree (rule, about) WHERE (resolved_at IS NULL);


--
-- Name: alerts_resolved_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX alerts_resolved_idx ON jobs.alerts USING btree (resolved_at) WHERE (resolved_at IS NOT NULL);


--
-- Name: alerts_rule_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX alerts_rule_idx ON jobs.alerts USING btree (rule);


--
-- Name: awaits_event_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX awaits_event_idx ON jobs.awaits USING btree (event);


--
-- Name: awaits_until_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX awaits_until_idx ON jobs.awaits USING btree (until) WHERE (until IS NOT NULL);


--
-- Name: dead_letters_died_at_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX dead_letters_died_at_idx ON jobs.dead_letters USING btree (died_at);


--
-- Name: events_emitted_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX events_emitted_idx ON jobs.events USING btree (emitted_at);


--
-- Name: history_finished_at_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX history_finished_at_idx ON ONLY jobs.history USING brin (finished_at) WITH (pages_per_range='16', autosummarize='on');


--
-- Name: history_default_finished_at_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX history_default_finished_at_idx ON jobs.history_default USING brin (finished_at) WITH (pages_per_range='16', autosummarize='on');


--
-- Name: history_failures_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX history_failures_idx ON ONLY jobs.history USING btree (finished_at) WHERE (state = ANY (ARRAY['failed'::text, 'unknown'::text, 'retry'::text, 'lost'::text]));


--
-- Name: history_default_finished_at_idx1; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX history_default_finished_at_idx1 ON jobs.history_default USING btree (finished_at) WHERE (state = ANY (ARRAY['failed'::text, 'unknown'::text, 'retry'::text, 'lost'::text]));


--
-- Name: jobs_run_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX jobs_run_idx ON ONLY jobs.jobs USING btree (run_id) WHERE (run_id IS NOT NULL);


--
-- Name: jobs_default_run_id_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX jobs_default_run_id_idx ON jobs.jobs_default USING btree (run_id) WHERE (run_id IS NOT NULL);


--
-- Name: kinds_queue_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX kinds_queue_idx ON jobs.kinds USING btree (queue);


--
-- Name: parked_run_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX parked_run_idx ON jobs.parked USING btree (run_id) WHERE (run_id IS NOT NULL);


--
-- Name: ready_moved_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX ready_moved_idx ON jobs.ready USING btree (job_id) WHERE (seq <> job_id);


--
-- Name: ready_run_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX ready_run_idx ON jobs.ready USING btree (run_id) WHERE (run_id IS NOT NULL);


--
-- Name: run_log_name_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX run_log_name_idx ON jobs.run_log USING btree (name, started_at DESC);


--
-- Name: run_log_open_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX run_log_open_idx ON jobs.run_log USING btree (run_id) WHERE (finished_at IS NULL);


--
-- Name: running_cancelled_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX running_cancelled_idx ON jobs.running USING btree (worker_id) WHERE (cancel_reason IS NOT NULL);


--
-- Name: running_key_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX running_key_idx ON jobs.running USING btree (queue, key) WHERE (key <> ''::text);


--
-- Name: running_run_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX running_run_idx ON jobs.running USING btree (run_id) WHERE (run_id IS NOT NULL);


--
-- Name: scheduled_run_at_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX scheduled_run_at_idx ON jobs.scheduled USING btree (run_at);


--
-- Name: scheduled_run_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX scheduled_run_idx ON jobs.scheduled USING btree (run_id) WHERE (run_id IS NOT NULL);


--
-- Name: unique_keys_job_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX unique_keys_job_idx ON jobs.unique_keys USING btree (job_id);


--
-- Name: unique_keys_until_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX unique_keys_until_idx ON jobs.unique_keys USING btree (until) WHERE (until IS NOT NULL);


--
-- Name: waits_open_idx; Type: INDEX; Schema: jobs; Owner: -
--

CREATE INDEX waits_open_idx ON jobs.waits USING btree (parent_id) WHERE (state IS NULL);


--
-- Name: ai_calls_are_open_once_per_job; Type: INDEX; Schema: shops; Owner: -
--

CREATE UNIQUE INDEX ai_calls_are_open_once_per_job ON shops.ai_calls USING btree (job_id) WHERE (state = 'open'::text);


--
-- Name: ai_calls_model_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX ai_calls_model_idx ON shops.ai_calls USING btree (task, model, quality);


--
-- Name: ai_calls_product_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX ai_calls_product_idx ON shops.ai_calls USING btree (user_id, product_id);


--
-- Name: ai_calls_shop_month_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX ai_calls_shop_month_idx ON shops.ai_calls USING btree (user_id, shop_id, month);


--
-- Name: campaigns_product_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX campaigns_product_idx ON shops.campaigns USING btree (user_id, shop_id, product_id);


--
-- Name: creation_plans_niche_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX creation_plans_niche_idx ON shops.creation_plans USING btree (user_id, niche_id);


--
-- Name: creation_plans_run_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX creation_plans_run_idx ON shops.creation_plans USING btree (user_id, shop_run_id);


--
-- Name: decisions_product_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX decisions_product_idx ON shops.decisions USING btree (user_id, shop_id, product_id, decided_on DESC);


--
-- Name: decisions_rules_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX decisions_rules_idx ON shops.decisions USING btree (user_id, shop_id, rules_version);


--
-- Name: imports_shop_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX imports_shop_idx ON shops.imports USING btree (user_id, shop_id);


--
-- Name: models_default_is_one; Type: INDEX; Schema: shops; Owner: -
--

CREATE UNIQUE INDEX models_default_is_one ON shops.models USING btree (task, quality) WHERE is_default;


--
-- Name: order_lines_product_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX order_lines_product_idx ON shops.order_lines USING btree (user_id, shop_id, product_id, created_at) INCLUDE (quantity, net_units);


--
-- Name: order_passes_read_one_by_one; Type: INDEX; Schema: shops; Owner: -
--

CREATE UNIQUE INDEX order_passes_read_one_by_one ON shops.order_passes USING btree (user_id, shop_id) WHERE (state = 'reading'::text);


--
-- Name: order_passes_shop_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX order_passes_shop_idx ON shops.order_passes USING btree (user_id, shop_id, pass_id DESC);


--
-- Name: platform_stops_platform_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX platform_stops_platform_idx ON shops.platform_stops USING btree (platform);


--
-- Name: product_moves_to_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX product_moves_to_idx ON shops.product_moves USING btree (to_state);


--
-- Name: products_niche_day_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX products_niche_day_idx ON shops.products USING btree (user_id, niche_id, planned_on);


--
-- Name: products_parent_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX products_parent_idx ON shops.products USING btree (user_id, parent_product_id);


--
-- Name: products_pinnable_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX products_pinnable_idx ON shops.products USING btree (shop_id, product_id) WHERE ((shop_status = 'ACTIVE'::text) AND (image_url IS NOT NULL));


--
-- Name: products_sku_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX products_sku_idx ON shops.products USING btree (user_id, shop_id, sku);


--
-- Name: products_state_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX products_state_idx ON shops.products USING btree (state, state_since);


--
-- Name: products_title_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX products_title_idx ON shops.products USING btree (user_id, shop_id, title);


--
-- Name: scaling_intents_campaign_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX scaling_intents_campaign_idx ON shops.scaling_intents USING btree (user_id, campaign_id, created_at);


--
-- Name: scaling_intents_product_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX scaling_intents_product_idx ON shops.scaling_intents USING btree (user_id, shop_id, product_id);


--
-- Name: shop_connections_connection_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX shop_connections_connection_idx ON shops.shop_connections USING btree (user_id, connection_id);


--
-- Name: shop_runs_age_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX shop_runs_age_idx ON shops.shop_runs USING btree (ran_at);


--
-- Name: shop_runs_last_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX shop_runs_last_idx ON shops.shop_runs USING btree (user_id, shop_id, job, shop_run_id DESC);


--
-- Name: steps_state_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX steps_state_idx ON shops.steps USING btree (state);


--
-- Name: syncs_are_queued_once; Type: INDEX; Schema: shops; Owner: -
--

CREATE UNIQUE INDEX syncs_are_queued_once ON shops.syncs USING btree (user_id, product_id, platform) WHERE (state = 'queued'::text);


--
-- Name: syncs_platform_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX syncs_platform_idx ON shops.syncs USING btree (platform);


--
-- Name: syncs_product_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX syncs_product_idx ON shops.syncs USING btree (user_id, product_id, platform, state);


--
-- Name: syncs_shop_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX syncs_shop_idx ON shops.syncs USING btree (user_id, shop_id, queued_at);


--
-- Name: variants_sku_idx; Type: INDEX; Schema: shops; Owner: -
--

CREATE INDEX variants_sku_idx ON shops.variants USING btree (user_id, shop_id, sku);


--
-- Name: effects_default_pkey; Type: INDEX ATTACH; Schema: jobs; Owner: -
--

ALTER INDEX jobs.effects_pkey ATTACH PARTITION jobs.effects_default_pkey;


--
-- Name: history_default_finished_at_idx; Type: INDEX ATTACH; Schema: jobs; Owner: -
--

ALTER INDEX jobs.history_finished_at_idx ATTACH PARTITION jobs.history_default_finished_at_idx;


--
-- Name: history_default_finished_at_idx1; Type: INDEX ATTACH; Schema: jobs; Owner: -
--

ALTER INDEX jobs.history_failures_idx ATTACH PARTITION jobs.history_default_finished_at_idx1;


--
-- Name: history_default_pkey; Type: INDEX ATTACH; Schema: jobs; Owner: -
--

ALTER INDEX jobs.history_pkey ATTACH PARTITION jobs.history_default_pkey;


--
-- Name: jobs_default_pkey; Type: INDEX ATTACH; Schema: jobs; Owner: -
--

ALTER INDEX jobs.jobs_pkey ATTACH PARTITION jobs.jobs_default_pkey;


--
-- Name: jobs_default_run_id_idx; Type: INDEX ATTACH; Schema: jobs; Owner: -
--

ALTER INDEX jobs.jobs_run_idx ATTACH PARTITION jobs.jobs_default_run_id_idx;


--
-- Name: order_lines_of_a_shop; Type: STATISTICS; Schema: shops; Owner: -
--

CREATE STATISTICS shops.order_lines_of_a_shop (dependencies) ON user_id, shop_id FROM shops.order_lines;


--
-- Name: STATISTICS order_lines_of_a_shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON STATISTICS shops.order_lines_of_a_shop IS 'shop_id tells user_id.';


--
-- Name: orders_of_a_shop; Type: STATISTICS; Schema: shops; Owner: -
--

CREATE STATISTICS shops.orders_of_a_shop (dependencies) ON user_id, shop_id FROM shops.orders;


--
-- Name: STATISTICS orders_of_a_shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON STATISTICS shops.orders_of_a_shop IS 'shop_id tells user_id.';


--
-- Name: products_of_a_shop; Type: STATISTICS; Schema: shops; Owner: -
--

CREATE STATISTICS shops.products_of_a_shop (dependencies) ON user_id, shop_id FROM shops.products;


--
-- Name: STATISTICS products_of_a_shop; Type: COMMENT; Schema: shops; Owner: -
--

COMMENT ON STATISTICS shops.products_of_a_shop IS 'shop_id tells user_id.';


--
-- Name: schedules schedules_look_ahead; Type: TRIGGER; Schema: jobs; Owner: -
--

CREATE TRIGGER schedules_look_ahead BEFORE INSERT OR UPDATE OF cron, time_zone, enabled ON jobs.schedules FOR EACH ROW EXECUTE FUNCTION jobs.tg_schedules_look_ahead();


--
-- Name: products products_are_born_right; Type: TRIGGER; Schema: shops; Owner: -
--

CREATE TRIGGER products_are_born_right AFTER INSERT ON shops.products REFERENCING NEW TABLE AS born FOR EACH STATEMENT EXECUTE FUNCTION shops.tg_product_births();


--
-- Name: products products_move_right; Type: TRIGGER; Schema: shops; Owner: -
--

CREATE TRIGGER products_move_right BEFORE UPDATE OF state ON shops.products FOR EACH ROW WHEN ((old.state IS DISTINCT FROM new.state)) EXECUTE FUNCTION shops.tg_product_moves();


--
-- Name: shops shops_are_born_with_rules; Type: TRIGGER; Schema: shops; Owner: -
--

CREATE TRIGGER shops_are_born_with_rules AFTER INSERT ON shops.shops REFERENCING NEW TABLE AS born FOR EACH STATEMENT EXECUTE FUNCTION shops.tg_shop_births();


--
-- Name: connections connections_service_fkey; Type: FK CONSTRAINT; Schema: accounts; Owner: -
--

ALTER TABLE ONLY accounts.connections
    ADD CONSTRAINT connections_service_fkey FOREIGN KEY (service) REFERENCES accounts.services(service);


--
-- Name: connections connections_user_id_fkey; Type: FK CONSTRAINT; Schema: accounts; Owner: -
--

ALTER TABLE ONLY accounts.connections
    ADD CONSTRAINT connections_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts.users(user_id);


--
-- Name: secrets secrets_user_id_connection_id_fkey; Type: FK CONSTRAINT; Schema: accounts; Owner: -
--

ALTER TABLE ONLY accounts.secrets
    ADD CONSTRAINT secrets_user_id_connection_id_fkey FOREIGN KEY (user_id, connection_id) REFERENCES accounts.connections(user_id, connection_id) ON DELETE CASCADE;


--
-- Name: subscriptions subscriptions_user_id_fkey; Type: FK CONSTRAINT; Schema: accounts; Owner: -
--

ALTER TABLE ONLY accounts.subscriptions
    ADD CONSTRAINT subscriptions_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts.users(user_id);


--
-- Name: alert_channels alert_channels_kind_fkey; Type: FK CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.alert_channels
    ADD CONSTRAINT alert_channels_kind_fkey FOREIGN KEY (kind) REFERENCES jobs.kinds(kind);


--
-- Name: alert_notices alert_notices_alert_id_fkey; Type: FK CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.alert_notices
    ADD CONSTRAINT alert_notices_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES jobs.alerts(alert_id) ON DELETE CASCADE;


--
-- Name: alert_notices alert_notices_channel_fkey; Type: FK CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.alert_notices
    ADD CONSTRAINT alert_notices_channel_fkey FOREIGN KEY (channel) REFERENCES jobs.alert_channels(channel) ON DELETE CASCADE;


--
-- Name: alert_silences alert_silences_rule_fkey; Type: FK CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.alert_silences
    ADD CONSTRAINT alert_silences_rule_fkey FOREIGN KEY (rule) REFERENCES jobs.alert_rules(rule) ON DELETE CASCADE;


--
-- Name: alerts alerts_rule_fkey; Type: FK CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.alerts
    ADD CONSTRAINT alerts_rule_fkey FOREIGN KEY (rule) REFERENCES jobs.alert_rules(rule) ON DELETE CASCADE;


--
-- Name: kinds kinds_queue_fkey; Type: FK CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.kinds
    ADD CONSTRAINT kinds_queue_fkey FOREIGN KEY (queue) REFERENCES jobs.queues(queue);


--
-- Name: limits limits_queue_fkey; Type: FK CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.limits
    ADD CONSTRAINT limits_queue_fkey FOREIGN KEY (queue) REFERENCES jobs.queues(queue);


--
-- Name: pauses pauses_queue_fkey; Type: FK CONSTRAINT; Schema: jobs; Owner: -
--

ALTER TABLE ONLY jobs.pauses
    ADD CONSTRAINT pauses_queue_fkey FOREIGN KEY (queue) REFERENCES jobs.queues(queue);


--
-- Name: ai_calls ai_calls_task_model_quality_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.ai_calls
    ADD CONSTRAINT ai_calls_task_model_quality_fkey FOREIGN KEY (task, model, quality) REFERENCES shops.models(task, model, quality);


--
-- Name: ai_calls ai_calls_user_id_product_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.ai_calls
    ADD CONSTRAINT ai_calls_user_id_product_id_fkey FOREIGN KEY (user_id, product_id) REFERENCES shops.products(user_id, product_id) ON DELETE CASCADE;


--
-- Name: ai_calls ai_calls_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.ai_calls
    ADD CONSTRAINT ai_calls_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id);


--
-- Name: boards boards_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.boards
    ADD CONSTRAINT boards_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id) ON DELETE CASCADE;


--
-- Name: budget_months budget_months_user_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.budget_months
    ADD CONSTRAINT budget_months_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts.users(user_id);


--
-- Name: budgets budgets_user_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.budgets
    ADD CONSTRAINT budgets_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts.users(user_id);


--
-- Name: campaigns campaigns_user_id_connection_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.campaigns
    ADD CONSTRAINT campaigns_user_id_connection_id_fkey FOREIGN KEY (user_id, connection_id) REFERENCES accounts.connections(user_id, connection_id);


--
-- Name: campaigns campaigns_user_id_shop_id_product_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.campaigns
    ADD CONSTRAINT campaigns_user_id_shop_id_product_id_fkey FOREIGN KEY (user_id, shop_id, product_id) REFERENCES shops.products(user_id, shop_id, product_id) ON DELETE CASCADE;


--
-- Name: collections collections_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.collections
    ADD CONSTRAINT collections_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id) ON DELETE CASCADE;


--
-- Name: creation_plans creation_plans_user_id_niche_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.creation_plans
    ADD CONSTRAINT creation_plans_user_id_niche_id_fkey FOREIGN KEY (user_id, niche_id) REFERENCES shops.niches(user_id, niche_id) ON DELETE CASCADE;


--
-- Name: creation_plans creation_plans_user_id_shop_run_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.creation_plans
    ADD CONSTRAINT creation_plans_user_id_shop_run_id_fkey FOREIGN KEY (user_id, shop_run_id) REFERENCES shops.shop_runs(user_id, shop_run_id) ON DELETE CASCADE;


--
-- Name: decisions decisions_user_id_shop_id_product_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.decisions
    ADD CONSTRAINT decisions_user_id_shop_id_product_id_fkey FOREIGN KEY (user_id, shop_id, product_id) REFERENCES shops.products(user_id, shop_id, product_id) ON DELETE CASCADE;


--
-- Name: decisions decisions_user_id_shop_id_rules_version_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.decisions
    ADD CONSTRAINT decisions_user_id_shop_id_rules_version_fkey FOREIGN KEY (user_id, shop_id, rules_version) REFERENCES shops.winner_rules(user_id, shop_id, version) ON DELETE CASCADE;


--
-- Name: designs designs_user_id_product_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.designs
    ADD CONSTRAINT designs_user_id_product_id_fkey FOREIGN KEY (user_id, product_id) REFERENCES shops.products(user_id, product_id) ON DELETE CASCADE;


--
-- Name: import_lines import_lines_user_id_import_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.import_lines
    ADD CONSTRAINT import_lines_user_id_import_id_fkey FOREIGN KEY (user_id, import_id) REFERENCES shops.imports(user_id, import_id) ON DELETE CASCADE;


--
-- Name: import_rejects import_rejects_user_id_import_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.import_rejects
    ADD CONSTRAINT import_rejects_user_id_import_id_fkey FOREIGN KEY (user_id, import_id) REFERENCES shops.imports(user_id, import_id) ON DELETE CASCADE;


--
-- Name: imports imports_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.imports
    ADD CONSTRAINT imports_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id) ON DELETE CASCADE;


--
-- Name: niches niches_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.niches
    ADD CONSTRAINT niches_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id) ON DELETE CASCADE;


--
-- Name: order_lines order_lines_user_id_shop_id_order_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.order_lines
    ADD CONSTRAINT order_lines_user_id_shop_id_order_id_fkey FOREIGN KEY (user_id, shop_id, order_id) REFERENCES shops.orders(user_id, shop_id, order_id) ON DELETE CASCADE;


--
-- Name: order_lines order_lines_user_id_shop_id_product_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.order_lines
    ADD CONSTRAINT order_lines_user_id_shop_id_product_id_fkey FOREIGN KEY (user_id, shop_id, product_id) REFERENCES shops.products(user_id, shop_id, product_id);


--
-- Name: order_passes order_passes_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.order_passes
    ADD CONSTRAINT order_passes_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id) ON DELETE CASCADE;


--
-- Name: orders orders_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.orders
    ADD CONSTRAINT orders_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id);


--
-- Name: platform_stops platform_stops_platform_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.platform_stops
    ADD CONSTRAINT platform_stops_platform_fkey FOREIGN KEY (platform) REFERENCES shops.platforms(platform);


--
-- Name: platform_stops platform_stops_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.platform_stops
    ADD CONSTRAINT platform_stops_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id) ON DELETE CASCADE;


--
-- Name: product_moves product_moves_from_state_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.product_moves
    ADD CONSTRAINT product_moves_from_state_fkey FOREIGN KEY (from_state) REFERENCES shops.product_states(state);


--
-- Name: product_moves product_moves_to_state_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.product_moves
    ADD CONSTRAINT product_moves_to_state_fkey FOREIGN KEY (to_state) REFERENCES shops.product_states(state);


--
-- Name: products products_state_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.products
    ADD CONSTRAINT products_state_fkey FOREIGN KEY (state) REFERENCES shops.product_states(state);


--
-- Name: products products_user_id_niche_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.products
    ADD CONSTRAINT products_user_id_niche_id_fkey FOREIGN KEY (user_id, niche_id) REFERENCES shops.niches(user_id, niche_id);


--
-- Name: products products_user_id_parent_product_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.products
    ADD CONSTRAINT products_user_id_parent_product_id_fkey FOREIGN KEY (user_id, parent_product_id) REFERENCES shops.products(user_id, product_id);


--
-- Name: products products_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.products
    ADD CONSTRAINT products_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id);


--
-- Name: prompts prompts_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.prompts
    ADD CONSTRAINT prompts_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id) ON DELETE CASCADE;


--
-- Name: quota_months quota_months_user_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.quota_months
    ADD CONSTRAINT quota_months_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts.users(user_id);


--
-- Name: refunds refunds_user_id_shop_id_order_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.refunds
    ADD CONSTRAINT refunds_user_id_shop_id_order_id_fkey FOREIGN KEY (user_id, shop_id, order_id) REFERENCES shops.orders(user_id, shop_id, order_id) ON DELETE CASCADE;


--
-- Name: scaling_intents scaling_intents_user_id_campaign_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.scaling_intents
    ADD CONSTRAINT scaling_intents_user_id_campaign_id_fkey FOREIGN KEY (user_id, campaign_id) REFERENCES shops.campaigns(user_id, campaign_id) ON DELETE CASCADE;


--
-- Name: scaling_intents scaling_intents_user_id_decision_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.scaling_intents
    ADD CONSTRAINT scaling_intents_user_id_decision_id_fkey FOREIGN KEY (user_id, decision_id) REFERENCES shops.decisions(user_id, decision_id) ON DELETE CASCADE;


--
-- Name: scaling_intents scaling_intents_user_id_shop_id_product_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.scaling_intents
    ADD CONSTRAINT scaling_intents_user_id_shop_id_product_id_fkey FOREIGN KEY (user_id, shop_id, product_id) REFERENCES shops.products(user_id, shop_id, product_id) ON DELETE CASCADE;


--
-- Name: settings settings_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.settings
    ADD CONSTRAINT settings_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id) ON DELETE CASCADE;


--
-- Name: shop_connections shop_connections_user_id_connection_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.shop_connections
    ADD CONSTRAINT shop_connections_user_id_connection_id_fkey FOREIGN KEY (user_id, connection_id) REFERENCES accounts.connections(user_id, connection_id);


--
-- Name: shop_connections shop_connections_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.shop_connections
    ADD CONSTRAINT shop_connections_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id) ON DELETE CASCADE;


--
-- Name: shop_runs shop_runs_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.shop_runs
    ADD CONSTRAINT shop_runs_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id) ON DELETE CASCADE;


--
-- Name: shops shops_user_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.shops
    ADD CONSTRAINT shops_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts.users(user_id);


--
-- Name: steps steps_state_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.steps
    ADD CONSTRAINT steps_state_fkey FOREIGN KEY (state) REFERENCES shops.product_states(state);


--
-- Name: syncs syncs_platform_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.syncs
    ADD CONSTRAINT syncs_platform_fkey FOREIGN KEY (platform) REFERENCES shops.platforms(platform);


--
-- Name: syncs syncs_user_id_product_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.syncs
    ADD CONSTRAINT syncs_user_id_product_id_fkey FOREIGN KEY (user_id, product_id) REFERENCES shops.products(user_id, product_id) ON DELETE CASCADE;


--
-- Name: syncs syncs_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.syncs
    ADD CONSTRAINT syncs_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id);


--
-- Name: texts texts_user_id_product_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.texts
    ADD CONSTRAINT texts_user_id_product_id_fkey FOREIGN KEY (user_id, product_id) REFERENCES shops.products(user_id, product_id) ON DELETE CASCADE;


--
-- Name: trackings trackings_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.trackings
    ADD CONSTRAINT trackings_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id) ON DELETE CASCADE;


--
-- Name: variants variants_user_id_shop_id_product_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.variants
    ADD CONSTRAINT variants_user_id_shop_id_product_id_fkey FOREIGN KEY (user_id, shop_id, product_id) REFERENCES shops.products(user_id, shop_id, product_id) ON DELETE CASCADE;


--
-- Name: winner_rules winner_rules_user_id_shop_id_fkey; Type: FK CONSTRAINT; Schema: shops; Owner: -
--

ALTER TABLE ONLY shops.winner_rules
    ADD CONSTRAINT winner_rules_user_id_shop_id_fkey FOREIGN KEY (user_id, shop_id) REFERENCES shops.shops(user_id, shop_id) ON DELETE CASCADE;


--
-- Name: connections; Type: ROW SECURITY; Schema: accounts; Owner: -
--

ALTER TABLE accounts.connections ENABLE ROW LEVEL SECURITY;

--
-- Name: connections connections_own; Type: POLICY; Schema: accounts; Owner: -
--

CREATE POLICY connections_own ON accounts.connections FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: connections connections_owner; Type: POLICY; Schema: accounts; Owner: -
--

CREATE POLICY connections_owner ON accounts.connections TO postgres USING (true) WITH CHECK (true);


--
-- Name: connections connections_staff; Type: POLICY; Schema: accounts; Owner: -
--

CREATE POLICY connections_staff ON accounts.connections FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: secrets; Type: ROW SECURITY; Schema: accounts; Owner: -
--

ALTER TABLE accounts.secrets ENABLE ROW LEVEL SECURITY;

--
-- Name: secrets secrets_own; Type: POLICY; Schema: accounts; Owner: -
--

CREATE POLICY secrets_own ON accounts.secrets FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: secrets secrets_owner; Type: POLICY; Schema: accounts; Owner: -
--

CREATE POLICY secrets_owner ON accounts.secrets TO postgres USING (true) WITH CHECK (true);


--
-- Name: secrets secrets_staff; Type: POLICY; Schema: accounts; Owner: -
--

CREATE POLICY secrets_staff ON accounts.secrets FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: subscriptions; Type: ROW SECURITY; Schema: accounts; Owner: -
--

ALTER TABLE accounts.subscriptions ENABLE ROW LEVEL SECURITY;

--
-- Name: subscriptions subscriptions_own; Type: POLICY; Schema: accounts; Owner: -
--

CREATE POLICY subscriptions_own ON accounts.subscriptions FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: subscriptions subscriptions_owner; Type: POLICY; Schema: accounts; Owner: -
--

CREATE POLICY subscriptions_owner ON accounts.subscriptions TO postgres USING (true) WITH CHECK (true);


--
-- Name: subscriptions subscriptions_staff; Type: POLICY; Schema: accounts; Owner: -
--

CREATE POLICY subscriptions_staff ON accounts.subscriptions FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: users; Type: ROW SECURITY; Schema: accounts; Owner: -
--

ALTER TABLE accounts.users ENABLE ROW LEVEL SECURITY;

--
-- Name: users users_own; Type: POLICY; Schema: accounts; Owner: -
--

CREATE POLICY users_own ON accounts.users FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: users users_own_name; Type: POLICY; Schema: accounts; Owner: -
--

CREATE POLICY users_own_name ON accounts.users FOR UPDATE TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id))) WITH CHECK ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: users users_owner; Type: POLICY; Schema: accounts; Owner: -
--

CREATE POLICY users_owner ON accounts.users TO postgres USING (true) WITH CHECK (true);


--
-- Name: users users_staff; Type: POLICY; Schema: accounts; Owner: -
--

CREATE POLICY users_staff ON accounts.users FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: ai_calls; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.ai_calls ENABLE ROW LEVEL SECURITY;

--
-- Name: ai_calls ai_calls_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY ai_calls_own ON shops.ai_calls FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: ai_calls ai_calls_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY ai_calls_owner ON shops.ai_calls TO postgres USING (true) WITH CHECK (true);


--
-- Name: ai_calls ai_calls_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY ai_calls_staff ON shops.ai_calls FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: boards; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.boards ENABLE ROW LEVEL SECURITY;

--
-- Name: boards boards_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY boards_own ON shops.boards FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: boards boards_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY boards_owner ON shops.boards TO postgres USING (true) WITH CHECK (true);


--
-- Name: boards boards_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY boards_staff ON shops.boards FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: budget_months; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.budget_months ENABLE ROW LEVEL SECURITY;

--
-- Name: budget_months budget_months_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY budget_months_own ON shops.budget_months FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: budget_months budget_months_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY budget_months_owner ON shops.budget_months TO postgres USING (true) WITH CHECK (true);


--
-- Name: budget_months budget_months_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY budget_months_staff ON shops.budget_months FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: budgets; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.budgets ENABLE ROW LEVEL SECURITY;

--
-- Name: budgets budgets_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY budgets_own ON shops.budgets FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: budgets budgets_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY budgets_owner ON shops.budgets TO postgres USING (true) WITH CHECK (true);


--
-- Name: budgets budgets_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY budgets_staff ON shops.budgets FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: campaigns; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.campaigns ENABLE ROW LEVEL SECURITY;

--
-- Name: campaigns campaigns_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY campaigns_own ON shops.campaigns FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: campaigns campaigns_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY campaigns_owner ON shops.campaigns TO postgres USING (true) WITH CHECK (true);


--
-- Name: campaigns campaigns_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY campaigns_staff ON shops.campaigns FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: collections; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.collections ENABLE ROW LEVEL SECURITY;

--
-- Name: collections collections_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY collections_own ON shops.collections FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: collections collections_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY collections_owner ON shops.collections TO postgres USING (true) WITH CHECK (true);


--
-- Name: collections collections_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY collections_staff ON shops.collections FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: creation_plans; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.creation_plans ENABLE ROW LEVEL SECURITY;

--
-- Name: creation_plans creation_plans_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY creation_plans_own ON shops.creation_plans FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: creation_plans creation_plans_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY creation_plans_owner ON shops.creation_plans TO postgres USING (true) WITH CHECK (true);


--
-- Name: creation_plans creation_plans_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY creation_plans_staff ON shops.creation_plans FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: decisions; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.decisions ENABLE ROW LEVEL SECURITY;

--
-- Name: decisions decisions_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY decisions_own ON shops.decisions FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: decisions decisions_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY decisions_owner ON shops.decisions TO postgres USING (true) WITH CHECK (true);


--
-- Name: decisions decisions_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY decisions_staff ON shops.decisions FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: designs; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.designs ENABLE ROW LEVEL SECURITY;

--
-- Name: designs designs_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY designs_own ON shops.designs FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: designs designs_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY designs_owner ON shops.designs TO postgres USING (true) WITH CHECK (true);


--
-- Name: designs designs_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY designs_staff ON shops.designs FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: import_lines; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.import_lines ENABLE ROW LEVEL SECURITY;

--
-- Name: import_lines import_lines_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY import_lines_own ON shops.import_lines FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: import_lines import_lines_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY import_lines_owner ON shops.import_lines TO postgres USING (true) WITH CHECK (true);


--
-- Name: import_lines import_lines_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY import_lines_staff ON shops.import_lines FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: import_rejects; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.import_rejects ENABLE ROW LEVEL SECURITY;

--
-- Name: import_rejects import_rejects_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY import_rejects_own ON shops.import_rejects FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: import_rejects import_rejects_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY import_rejects_owner ON shops.import_rejects TO postgres USING (true) WITH CHECK (true);


--
-- Name: import_rejects import_rejects_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY import_rejects_staff ON shops.import_rejects FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: imports; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.imports ENABLE ROW LEVEL SECURITY;

--
-- Name: imports imports_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY imports_own ON shops.imports FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: imports imports_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY imports_owner ON shops.imports TO postgres USING (true) WITH CHECK (true);


--
-- Name: imports imports_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY imports_staff ON shops.imports FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: niches; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.niches ENABLE ROW LEVEL SECURITY;

--
-- Name: niches niches_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY niches_own ON shops.niches FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: niches niches_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY niches_owner ON shops.niches TO postgres USING (true) WITH CHECK (true);


--
-- Name: niches niches_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY niches_staff ON shops.niches FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: order_lines; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.order_lines ENABLE ROW LEVEL SECURITY;

--
-- Name: order_lines order_lines_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY order_lines_own ON shops.order_lines FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: order_lines order_lines_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY order_lines_owner ON shops.order_lines TO postgres USING (true) WITH CHECK (true);


--
-- Name: order_lines order_lines_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY order_lines_staff ON shops.order_lines FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: order_passes; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.order_passes ENABLE ROW LEVEL SECURITY;

--
-- Name: order_passes order_passes_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY order_passes_own ON shops.order_passes FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: order_passes order_passes_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY order_passes_owner ON shops.order_passes TO postgres USING (true) WITH CHECK (true);


--
-- Name: order_passes order_passes_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY order_passes_staff ON shops.order_passes FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: orders; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.orders ENABLE ROW LEVEL SECURITY;

--
-- Name: orders orders_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY orders_own ON shops.orders FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: orders orders_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY orders_owner ON shops.orders TO postgres USING (true) WITH CHECK (true);


--
-- Name: orders orders_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY orders_staff ON shops.orders FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: platform_stops; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.platform_stops ENABLE ROW LEVEL SECURITY;

--
-- Name: platform_stops platform_stops_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY platform_stops_own ON shops.platform_stops FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: platform_stops platform_stops_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY platform_stops_owner ON shops.platform_stops TO postgres USING (true) WITH CHECK (true);


--
-- Name: platform_stops platform_stops_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY platform_stops_staff ON shops.platform_stops FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: products; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.products ENABLE ROW LEVEL SECURITY;

--
-- Name: products products_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY products_own ON shops.products FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: products products_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY products_owner ON shops.products TO postgres USING (true) WITH CHECK (true);


--
-- Name: products products_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY products_staff ON shops.products FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: prompts; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.prompts ENABLE ROW LEVEL SECURITY;

--
-- Name: prompts prompts_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY prompts_own ON shops.prompts FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: prompts prompts_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY prompts_owner ON shops.prompts TO postgres USING (true) WITH CHECK (true);


--
-- Name: prompts prompts_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY prompts_staff ON shops.prompts FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: quota_months; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.quota_months ENABLE ROW LEVEL SECURITY;

--
-- Name: quota_months quota_months_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY quota_months_own ON shops.quota_months FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: quota_months quota_months_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY quota_months_owner ON shops.quota_months TO postgres USING (true) WITH CHECK (true);


--
-- Name: quota_months quota_months_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY quota_months_staff ON shops.quota_months FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: refunds; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.refunds ENABLE ROW LEVEL SECURITY;

--
-- Name: refunds refunds_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY refunds_own ON shops.refunds FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: refunds refunds_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY refunds_owner ON shops.refunds TO postgres USING (true) WITH CHECK (true);


--
-- Name: refunds refunds_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY refunds_staff ON shops.refunds FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: scaling_intents; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.scaling_intents ENABLE ROW LEVEL SECURITY;

--
-- Name: scaling_intents scaling_intents_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY scaling_intents_own ON shops.scaling_intents FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: scaling_intents scaling_intents_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY scaling_intents_owner ON shops.scaling_intents TO postgres USING (true) WITH CHECK (true);


--
-- Name: scaling_intents scaling_intents_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY scaling_intents_staff ON shops.scaling_intents FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: settings; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.settings ENABLE ROW LEVEL SECURITY;

--
-- Name: settings settings_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY settings_own ON shops.settings FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: settings settings_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY settings_owner ON shops.settings TO postgres USING (true) WITH CHECK (true);


--
-- Name: settings settings_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY settings_staff ON shops.settings FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: shop_connections; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.shop_connections ENABLE ROW LEVEL SECURITY;

--
-- Name: shop_connections shop_connections_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY shop_connections_own ON shops.shop_connections FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: shop_connections shop_connections_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY shop_connections_owner ON shops.shop_connections TO postgres USING (true) WITH CHECK (true);


--
-- Name: shop_connections shop_connections_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY shop_connections_staff ON shops.shop_connections FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: shop_runs; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.shop_runs ENABLE ROW LEVEL SECURITY;

--
-- Name: shop_runs shop_runs_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY shop_runs_own ON shops.shop_runs FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: shop_runs shop_runs_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY shop_runs_owner ON shops.shop_runs TO postgres USING (true) WITH CHECK (true);


--
-- Name: shop_runs shop_runs_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY shop_runs_staff ON shops.shop_runs FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: shops; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.shops ENABLE ROW LEVEL SECURITY;

--
-- Name: shops shops_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY shops_own ON shops.shops FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: shops shops_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY shops_owner ON shops.shops TO postgres USING (true) WITH CHECK (true);


--
-- Name: shops shops_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY shops_staff ON shops.shops FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: syncs; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.syncs ENABLE ROW LEVEL SECURITY;

--
-- Name: syncs syncs_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY syncs_own ON shops.syncs FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: syncs syncs_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY syncs_owner ON shops.syncs TO postgres USING (true) WITH CHECK (true);


--
-- Name: syncs syncs_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY syncs_staff ON shops.syncs FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: texts; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.texts ENABLE ROW LEVEL SECURITY;

--
-- Name: texts texts_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY texts_own ON shops.texts FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: texts texts_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY texts_owner ON shops.texts TO postgres USING (true) WITH CHECK (true);


--
-- Name: texts texts_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY texts_staff ON shops.texts FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: trackings; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.trackings ENABLE ROW LEVEL SECURITY;

--
-- Name: trackings trackings_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY trackings_own ON shops.trackings FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: trackings trackings_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY trackings_owner ON shops.trackings TO postgres USING (true) WITH CHECK (true);


--
-- Name: trackings trackings_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY trackings_staff ON shops.trackings FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: variants; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.variants ENABLE ROW LEVEL SECURITY;

--
-- Name: variants variants_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY variants_own ON shops.variants FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: variants variants_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY variants_owner ON shops.variants TO postgres USING (true) WITH CHECK (true);


--
-- Name: variants variants_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY variants_staff ON shops.variants FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: winner_rules; Type: ROW SECURITY; Schema: shops; Owner: -
--

ALTER TABLE shops.winner_rules ENABLE ROW LEVEL SECURITY;

--
-- Name: winner_rules winner_rules_own; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY winner_rules_own ON shops.winner_rules FOR SELECT TO autom_web, authenticated USING ((user_id = ( SELECT accounts.current_user_id() AS current_user_id)));


--
-- Name: winner_rules winner_rules_owner; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY winner_rules_owner ON shops.winner_rules TO postgres USING (true) WITH CHECK (true);


--
-- Name: winner_rules winner_rules_staff; Type: POLICY; Schema: shops; Owner: -
--

CREATE POLICY winner_rules_staff ON shops.winner_rules FOR SELECT TO autom_operator, autom_reader, service_role USING (true);


--
-- Name: SCHEMA accounts; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA accounts TO autom_worker;
GRANT USAGE ON SCHEMA accounts TO autom_web;
GRANT USAGE ON SCHEMA accounts TO autom_operator;
GRANT USAGE ON SCHEMA accounts TO autom_reader;
GRANT USAGE ON SCHEMA accounts TO anon;
GRANT USAGE ON SCHEMA accounts TO authenticated;
GRANT USAGE ON SCHEMA accounts TO service_role;


--
-- Name: SCHEMA jobs; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA jobs TO autom_worker;
GRANT USAGE ON SCHEMA jobs TO autom_web;
GRANT USAGE ON SCHEMA jobs TO autom_operator;
GRANT USAGE ON SCHEMA jobs TO autom_reader;
GRANT USAGE ON SCHEMA jobs TO anon;
GRANT USAGE ON SCHEMA jobs TO authenticated;
GRANT USAGE ON SCHEMA jobs TO service_role;


--
-- Name: SCHEMA shops; Type: ACL; Schema: -; Owner: -
--

GRANT USAGE ON SCHEMA shops TO autom_worker;
GRANT USAGE ON SCHEMA shops TO autom_web;
GRANT USAGE ON SCHEMA shops TO autom_operator;
GRANT USAGE ON SCHEMA shops TO autom_reader;
GRANT USAGE ON SCHEMA shops TO anon;
GRANT USAGE ON SCHEMA shops TO authenticated;
GRANT USAGE ON SCHEMA shops TO service_role;


--
-- Name: FUNCTION alert_tokens_ending(p_bound double precision, p_span interval); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.alert_tokens_ending(p_bound double precision, p_span interval) FROM PUBLIC;


--
-- Name: FUNCTION "check"(p_connection_id uuid); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts."check"(p_connection_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION accounts."check"(p_connection_id uuid) TO autom_operator;
GRANT ALL ON FUNCTION accounts."check"(p_connection_id uuid) TO service_role;


--
-- Name: FUNCTION create_user(p_email text, p_name text, p_user_id uuid); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.create_user(p_email text, p_name text, p_user_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION accounts.create_user(p_email text, p_name text, p_user_id uuid) TO autom_operator;
GRANT ALL ON FUNCTION accounts.create_user(p_email text, p_name text, p_user_id uuid) TO service_role;


--
-- Name: FUNCTION credentials(p_connection_id uuid); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.credentials(p_connection_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION accounts.credentials(p_connection_id uuid) TO autom_worker;


--
-- Name: FUNCTION current_user_id(); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.current_user_id() FROM PUBLIC;
GRANT ALL ON FUNCTION accounts.current_user_id() TO autom_worker;
GRANT ALL ON FUNCTION accounts.current_user_id() TO autom_web;
GRANT ALL ON FUNCTION accounts.current_user_id() TO autom_operator;
GRANT ALL ON FUNCTION accounts.current_user_id() TO autom_reader;
GRANT ALL ON FUNCTION accounts.current_user_id() TO anon;
GRANT ALL ON FUNCTION accounts.current_user_id() TO authenticated;
GRANT ALL ON FUNCTION accounts.current_user_id() TO service_role;


--
-- Name: FUNCTION disconnect(p_connection_id uuid); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.disconnect(p_connection_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION accounts.disconnect(p_connection_id uuid) TO autom_operator;
GRANT ALL ON FUNCTION accounts.disconnect(p_connection_id uuid) TO service_role;


--
-- Name: FUNCTION note_call(p_connection_id uuid, p_ok boolean, p_error text); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.note_call(p_connection_id uuid, p_ok boolean, p_error text) FROM PUBLIC;
GRANT ALL ON FUNCTION accounts.note_call(p_connection_id uuid, p_ok boolean, p_error text) TO autom_worker;


--
-- Name: FUNCTION open_connection(p_user_id uuid, p_service text, p_account text, p_base_url text, p_client_id text); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.open_connection(p_user_id uuid, p_service text, p_account text, p_base_url text, p_client_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION accounts.open_connection(p_user_id uuid, p_service text, p_account text, p_base_url text, p_client_id text) TO autom_operator;
GRANT ALL ON FUNCTION accounts.open_connection(p_user_id uuid, p_service text, p_account text, p_base_url text, p_client_id text) TO service_role;


--
-- Name: FUNCTION prepare_check(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.prepare_check(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION prepare_refresh(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.prepare_refresh(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: PROCEDURE protect(IN p_schema text); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON PROCEDURE accounts.protect(IN p_schema text) FROM PUBLIC;


--
-- Name: FUNCTION refresh(p_connection_id uuid); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.refresh(p_connection_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION accounts.refresh(p_connection_id uuid) TO autom_operator;
GRANT ALL ON FUNCTION accounts.refresh(p_connection_id uuid) TO service_role;


--
-- Name: FUNCTION refresh_connections(p_run_id bigint); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.refresh_connections(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION reseal(p_connection_ids uuid[], p_fields text[], p_old text[], p_new text[]); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.reseal(p_connection_ids uuid[], p_fields text[], p_old text[], p_new text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION accounts.reseal(p_connection_ids uuid[], p_fields text[], p_old text[], p_new text[]) TO autom_worker;


--
-- Name: FUNCTION sealed_by_other_keys(p_key_id text, p_limit integer, p_after_user_id uuid, p_after_connection_id uuid, p_after_field text); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.sealed_by_other_keys(p_key_id text, p_limit integer, p_after_user_id uuid, p_after_connection_id uuid, p_after_field text) FROM PUBLIC;
GRANT ALL ON FUNCTION accounts.sealed_by_other_keys(p_key_id text, p_limit integer, p_after_user_id uuid, p_after_connection_id uuid, p_after_field text) TO autom_worker;


--
-- Name: FUNCTION settle_check(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.settle_check(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_refresh(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.settle_refresh(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION store_tokens(p_connection_id uuid, p_access text, p_refresh text, p_client_secret text, p_scopes text[], p_expires_at timestamp with time zone, p_refresh_expires_at timestamp with time zone); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.store_tokens(p_connection_id uuid, p_access text, p_refresh text, p_client_secret text, p_scopes text[], p_expires_at timestamp with time zone, p_refresh_expires_at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION accounts.store_tokens(p_connection_id uuid, p_access text, p_refresh text, p_client_secret text, p_scopes text[], p_expires_at timestamp with time zone, p_refresh_expires_at timestamp with time zone) TO autom_operator;
GRANT ALL ON FUNCTION accounts.store_tokens(p_connection_id uuid, p_access text, p_refresh text, p_client_secret text, p_scopes text[], p_expires_at timestamp with time zone, p_refresh_expires_at timestamp with time zone) TO autom_worker;
GRANT ALL ON FUNCTION accounts.store_tokens(p_connection_id uuid, p_access text, p_refresh text, p_client_secret text, p_scopes text[], p_expires_at timestamp with time zone, p_refresh_expires_at timestamp with time zone) TO service_role;


--
-- Name: FUNCTION subscribe(p_user_id uuid, p_plan text, p_state text, p_period_start timestamp with time zone, p_period_end timestamp with time zone); Type: ACL; Schema: accounts; Owner: -
--

REVOKE ALL ON FUNCTION accounts.subscribe(p_user_id uuid, p_plan text, p_state text, p_period_start timestamp with time zone, p_period_end timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION accounts.subscribe(p_user_id uuid, p_plan text, p_state text, p_period_start timestamp with time zone, p_period_end timestamp with time zone) TO autom_operator;
GRANT ALL ON FUNCTION accounts.subscribe(p_user_id uuid, p_plan text, p_state text, p_period_start timestamp with time zone, p_period_end timestamp with time zone) TO service_role;


--
-- Name: FUNCTION _alert_lines(p_job_id bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._alert_lines(p_job_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION _answer(p_job_ids bigint[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._answer(p_job_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _claim_band(p_worker_id integer, p_queue text, p_priority integer, p_room integer, p_after_key text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._claim_band(p_worker_id integer, p_queue text, p_priority integer, p_room integer, p_after_key text) FROM PUBLIC;


--
-- Name: FUNCTION _count(p_figure regclass, p_times bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._count(p_figure regclass, p_times bigint) FROM PUBLIC;


--
-- Name: FUNCTION _cron_field(p_field text, p_low integer, p_high integer, p_names text[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._cron_field(p_field text, p_low integer, p_high integer, p_names text[]) FROM PUBLIC;


--
-- Name: FUNCTION _cron_value(p_text text, p_low integer, p_names text[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._cron_value(p_text text, p_low integer, p_names text[]) FROM PUBLIC;


--
-- Name: FUNCTION _decide(p_job_ids bigint[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._decide(p_job_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _drop_day(p_what text, p_partition text, p_kept bigint[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._drop_day(p_what text, p_partition text, p_kept bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _due(p_cron text, p_time_zone text, p_from timestamp with time zone, p_last integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._due(p_cron text, p_time_zone text, p_from timestamp with time zone, p_last integer) FROM PUBLIC;


--
-- Name: FUNCTION _end_runs(p_run_id bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._end_runs(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION _ended(p_job_id bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._ended(p_job_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION _enqueue(p_kind text, p_payloads jsonb[], p_keys text[], p_tenants uuid[], p_run_at timestamp with time zone, p_priority integer, p_unique_keys text[], p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._enqueue(p_kind text, p_payloads jsonb[], p_keys text[], p_tenants uuid[], p_run_at timestamp with time zone, p_priority integer, p_unique_keys text[], p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION _enqueue_final(p_run_id bigint, p_kind text, p_payload jsonb); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._enqueue_final(p_run_id bigint, p_kind text, p_payload jsonb) FROM PUBLIC;


--
-- Name: FUNCTION _enter_run(p_run_id bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._enter_run(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION _finish(p_job jobs.running, p_state text, p_reason text, p_code text, p_result jsonb, p_propagate boolean); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._finish(p_job jobs.running, p_state text, p_reason text, p_code text, p_result jsonb, p_propagate boolean) FROM PUBLIC;


--
-- Name: FUNCTION _fire(); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._fire() FROM PUBLIC;


--
-- Name: FUNCTION _first_id_of(p_at timestamp with time zone); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._first_id_of(p_at timestamp with time zone) FROM PUBLIC;


--
-- Name: FUNCTION _forget(p_before bigint, p_limit integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._forget(p_before bigint, p_limit integer) FROM PUBLIC;


--
-- Name: FUNCTION _free_unique_keys(p_job_ids bigint[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._free_unique_keys(p_job_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _gist(p_reason text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._gist(p_reason text) FROM PUBLIC;


--
-- Name: FUNCTION _hand_on(p_job_ids bigint[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._hand_on(p_job_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _heed(p_job jobs.running, p_outcome jsonb); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._heed(p_job jobs.running, p_outcome jsonb) FROM PUBLIC;


--
-- Name: FUNCTION _hold_run(p_job_id bigint, p_run_no integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._hold_run(p_job_id bigint, p_run_no integer) FROM PUBLIC;


--
-- Name: FUNCTION _horizon(); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._horizon() FROM PUBLIC;
GRANT ALL ON FUNCTION jobs._horizon() TO autom_worker;
GRANT ALL ON FUNCTION jobs._horizon() TO autom_operator;
GRANT ALL ON FUNCTION jobs._horizon() TO autom_reader;


--
-- Name: FUNCTION _instants(p_day date, p_hours integer[], p_minutes integer[], p_time_zone text, p_once boolean); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._instants(p_day date, p_hours integer[], p_minutes integer[], p_time_zone text, p_once boolean) FROM PUBLIC;


--
-- Name: FUNCTION _is_due(p_chore text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._is_due(p_chore text) FROM PUBLIC;


--
-- Name: FUNCTION _kept(p_from bigint, p_before bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._kept(p_from bigint, p_before bigint) FROM PUBLIC;


--
-- Name: FUNCTION _keys_in_line(p_queue text, p_priority integer, p_from text, p_to text, p_limit integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._keys_in_line(p_queue text, p_priority integer, p_from text, p_to text, p_limit integer) FROM PUBLIC;


--
-- Name: FUNCTION _lock_batch(p_batch_id bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._lock_batch(p_batch_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION _look_after(p_job_ids bigint[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._look_after(p_job_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _lose(p_job jobs.running); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._lose(p_job jobs.running) FROM PUBLIC;


--
-- Name: FUNCTION _make_partitions(p_days integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._make_partitions(p_days integer) FROM PUBLIC;


--
-- Name: FUNCTION _make_rounds(p_limit integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._make_rounds(p_limit integer) FROM PUBLIC;


--
-- Name: FUNCTION _maybe_sent(p_job_id bigint, p_run_no integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._maybe_sent(p_job_id bigint, p_run_no integer) FROM PUBLIC;


--
-- Name: FUNCTION _new_ids(p_count integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._new_ids(p_count integer) FROM PUBLIC;


--
-- Name: FUNCTION _note_alerts(p_rule jobs.alert_rules); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._note_alerts(p_rule jobs.alert_rules) FROM PUBLIC;


--
-- Name: FUNCTION _note_chore(p_chore text, p_began timestamp with time zone, p_did integer, p_error text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._note_chore(p_chore text, p_began timestamp with time zone, p_did integer, p_error text) FROM PUBLIC;


--
-- Name: FUNCTION _note_news(); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._note_news() FROM PUBLIC;


--
-- Name: FUNCTION _open_keys(p_queue text, p_keys text[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._open_keys(p_queue text, p_keys text[]) FROM PUBLIC;


--
-- Name: FUNCTION _plan_roll_ups(); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._plan_roll_ups() FROM PUBLIC;


--
-- Name: FUNCTION _prepare_roll_up(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._prepare_roll_up(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION _prepare_schedule(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._prepare_schedule(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION _promote(p_limit integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._promote(p_limit integer) FROM PUBLIC;


--
-- Name: FUNCTION _put_in_line(p_job jobs.running, p_run_at timestamp with time zone, p_why text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._put_in_line(p_job jobs.running, p_run_at timestamp with time zone, p_why text) FROM PUBLIC;


--
-- Name: FUNCTION _refuse_kind(p_kind text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._refuse_kind(p_kind text) FROM PUBLIC;


--
-- Name: FUNCTION _refuse_rule(p_rule text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._refuse_rule(p_rule text) FROM PUBLIC;


--
-- Name: FUNCTION _refuse_worker(p_worker_id integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._refuse_worker(p_worker_id integer) FROM PUBLIC;


--
-- Name: FUNCTION _replace(p_kind text, p_unique_keys text[], p_holders bigint[], p_job_ids bigint[], p_payloads jsonb[], p_mode text, p_for interval, p_until text, p_run_at timestamp with time zone, p_max_wait interval, p_priority integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._replace(p_kind text, p_unique_keys text[], p_holders bigint[], p_job_ids bigint[], p_payloads jsonb[], p_mode text, p_for interval, p_until text, p_run_at timestamp with time zone, p_max_wait interval, p_priority integer) FROM PUBLIC;


--
-- Name: FUNCTION _resolve(p_ended bigint[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._resolve(p_ended bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _retain(); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._retain() FROM PUBLIC;


--
-- Name: FUNCTION _revive(p_job_id bigint, p_run_at timestamp with time zone); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._revive(p_job_id bigint, p_run_at timestamp with time zone) FROM PUBLIC;


--
-- Name: FUNCTION _roll_up(p_hour timestamp with time zone); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._roll_up(p_hour timestamp with time zone) FROM PUBLIC;


--
-- Name: FUNCTION _room_in_queue(p_queue text, p_wanted integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._room_in_queue(p_queue text, p_wanted integer) FROM PUBLIC;


--
-- Name: FUNCTION _run(p_run_id bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._run(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION _server_started(); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._server_started() FROM PUBLIC;


--
-- Name: FUNCTION _set_aside(p_job jobs.running); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._set_aside(p_job jobs.running) FROM PUBLIC;


--
-- Name: FUNCTION _settle_done(p_job jobs.running, p_kind jobs.kinds, p_answer jsonb); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._settle_done(p_job jobs.running, p_kind jobs.kinds, p_answer jsonb) FROM PUBLIC;


--
-- Name: FUNCTION _settle_schedule(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._settle_schedule(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION _settle_unique_keys(p_kind text, p_job_ids bigint[], p_unique_keys text[], p_mode text, p_for interval, p_until text, p_max_wait interval, p_payloads jsonb[], p_run_at timestamp with time zone, p_priority integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._settle_unique_keys(p_kind text, p_job_ids bigint[], p_unique_keys text[], p_mode text, p_for interval, p_until text, p_max_wait interval, p_payloads jsonb[], p_run_at timestamp with time zone, p_priority integer) FROM PUBLIC;


--
-- Name: FUNCTION _shares(p_queue text, p_priority integer, p_keys text[], p_room integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._shares(p_queue text, p_priority integer, p_keys text[], p_room integer) FROM PUBLIC;


--
-- Name: FUNCTION _silence(p_rule text, p_about text, p_until timestamp with time zone, p_reason text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._silence(p_rule text, p_about text, p_until timestamp with time zone, p_reason text) FROM PUBLIC;


--
-- Name: FUNCTION _silenced(p_rule text, p_about text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._silenced(p_rule text, p_about text) FROM PUBLIC;


--
-- Name: FUNCTION _slack_message(p_title text, p_lines text[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._slack_message(p_title text, p_lines text[]) FROM PUBLIC;


--
-- Name: FUNCTION _stand_still(p_job_ids bigint[], p_claimed boolean); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._stand_still(p_job_ids bigint[], p_claimed boolean) FROM PUBLIC;


--
-- Name: FUNCTION _summed_until(); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._summed_until() FROM PUBLIC;


--
-- Name: FUNCTION _sweep(); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._sweep() FROM PUBLIC;


--
-- Name: FUNCTION _take_unique_keys(p_kind text, p_job_ids bigint[], p_unique_keys text[], p_mode text, p_for interval, p_until text, p_run_at timestamp with time zone); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._take_unique_keys(p_kind text, p_job_ids bigint[], p_unique_keys text[], p_mode text, p_for interval, p_until text, p_run_at timestamp with time zone) FROM PUBLIC;


--
-- Name: FUNCTION _tell(p_job jobs.running, p_result jsonb); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._tell(p_job jobs.running, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION _try_again(p_job jobs.running, p_kind jobs.kinds, p_after double precision, p_reason text, p_code text, p_end text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._try_again(p_job jobs.running, p_kind jobs.kinds, p_after double precision, p_reason text, p_code text, p_end text) FROM PUBLIC;


--
-- Name: FUNCTION _unpark(p_job_ids bigint[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._unpark(p_job_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _utc_offset(p_at timestamp with time zone, p_time_zone text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._utc_offset(p_at timestamp with time zone, p_time_zone text) FROM PUBLIC;


--
-- Name: FUNCTION _wait_for(p_job_ids bigint[], p_after bigint[], p_policy text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._wait_for(p_job_ids bigint[], p_after bigint[], p_policy text) FROM PUBLIC;


--
-- Name: FUNCTION _wake(p_queue text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._wake(p_queue text) FROM PUBLIC;


--
-- Name: FUNCTION _watch(); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._watch() FROM PUBLIC;


--
-- Name: FUNCTION _withdraw(p_job_id bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._withdraw(p_job_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION _withdraw_many(p_job_ids bigint[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._withdraw_many(p_job_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _write_anew(p_job_ids bigint[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs._write_anew(p_job_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION alert_clock_trouble(p_bound double precision, p_span interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.alert_clock_trouble(p_bound double precision, p_span interval) FROM PUBLIC;


--
-- Name: FUNCTION alert_dead_jobs(p_bound double precision, p_span interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.alert_dead_jobs(p_bound double precision, p_span interval) FROM PUBLIC;


--
-- Name: FUNCTION alert_deaf_channels(p_bound double precision, p_span interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.alert_deaf_channels(p_bound double precision, p_span interval) FROM PUBLIC;


--
-- Name: FUNCTION alert_failed_runs(p_bound double precision, p_span interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.alert_failed_runs(p_bound double precision, p_span interval) FROM PUBLIC;


--
-- Name: FUNCTION alert_held_horizon(p_bound double precision, p_span interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.alert_held_horizon(p_bound double precision, p_span interval) FROM PUBLIC;


--
-- Name: FUNCTION alert_missed_runs(p_bound double precision, p_span interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.alert_missed_runs(p_bound double precision, p_span interval) FROM PUBLIC;


--
-- Name: FUNCTION alert_old_ready(p_bound double precision, p_span interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.alert_old_ready(p_bound double precision, p_span interval) FROM PUBLIC;


--
-- Name: FUNCTION alert_repeated_errors(p_bound double precision, p_span interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.alert_repeated_errors(p_bound double precision, p_span interval) FROM PUBLIC;


--
-- Name: FUNCTION alert_slow_jobs(p_bound double precision, p_span interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.alert_slow_jobs(p_bound double precision, p_span interval) FROM PUBLIC;


--
-- Name: FUNCTION alert_slow_runs(p_bound double precision, p_span interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.alert_slow_runs(p_bound double precision, p_span interval) FROM PUBLIC;


--
-- Name: FUNCTION alert_success_share(p_bound double precision, p_span interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.alert_success_share(p_bound double precision, p_span interval) FROM PUBLIC;


--
-- Name: FUNCTION alert_unhandled_kinds(p_bound double precision, p_span interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.alert_unhandled_kinds(p_bound double precision, p_span interval) FROM PUBLIC;


--
-- Name: FUNCTION await_event(p_job_id bigint, p_run_no integer, p_event text, p_timeout interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.await_event(p_job_id bigint, p_run_no integer, p_event text, p_timeout interval) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.await_event(p_job_id bigint, p_run_no integer, p_event text, p_timeout interval) TO autom_worker;
GRANT ALL ON FUNCTION jobs.await_event(p_job_id bigint, p_run_no integer, p_event text, p_timeout interval) TO autom_operator;


--
-- Name: FUNCTION cancel(p_job_id bigint, p_reason text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.cancel(p_job_id bigint, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.cancel(p_job_id bigint, p_reason text) TO autom_worker;
GRANT ALL ON FUNCTION jobs.cancel(p_job_id bigint, p_reason text) TO autom_operator;


--
-- Name: FUNCTION claim(p_worker_id integer, p_queue text, p_limit integer, p_after_key text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.claim(p_worker_id integer, p_queue text, p_limit integer, p_after_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.claim(p_worker_id integer, p_queue text, p_limit integer, p_after_key text) TO autom_worker;
GRANT ALL ON FUNCTION jobs.claim(p_worker_id integer, p_queue text, p_limit integer, p_after_key text) TO autom_operator;


--
-- Name: FUNCTION clock(); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.clock() FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.clock() TO autom_worker;
GRANT ALL ON FUNCTION jobs.clock() TO autom_web;
GRANT ALL ON FUNCTION jobs.clock() TO autom_operator;
GRANT ALL ON FUNCTION jobs.clock() TO autom_reader;
GRANT ALL ON FUNCTION jobs.clock() TO anon;
GRANT ALL ON FUNCTION jobs.clock() TO authenticated;
GRANT ALL ON FUNCTION jobs.clock() TO service_role;


--
-- Name: FUNCTION close_batch(p_batch_id bigint, p_kind text, p_payload jsonb, p_policy text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.close_batch(p_batch_id bigint, p_kind text, p_payload jsonb, p_policy text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.close_batch(p_batch_id bigint, p_kind text, p_payload jsonb, p_policy text) TO autom_worker;
GRANT ALL ON FUNCTION jobs.close_batch(p_batch_id bigint, p_kind text, p_payload jsonb, p_policy text) TO autom_operator;


--
-- Name: FUNCTION complete_many(p_job_ids bigint[], p_run_nos integer[], p_results jsonb[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.complete_many(p_job_ids bigint[], p_run_nos integer[], p_results jsonb[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.complete_many(p_job_ids bigint[], p_run_nos integer[], p_results jsonb[]) TO autom_worker;
GRANT ALL ON FUNCTION jobs.complete_many(p_job_ids bigint[], p_run_nos integer[], p_results jsonb[]) TO autom_operator;


--
-- Name: FUNCTION drop_step(p_job_id bigint, p_run_no integer, p_step text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.drop_step(p_job_id bigint, p_run_no integer, p_step text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.drop_step(p_job_id bigint, p_run_no integer, p_step text) TO autom_worker;
GRANT ALL ON FUNCTION jobs.drop_step(p_job_id bigint, p_run_no integer, p_step text) TO autom_operator;


--
-- Name: FUNCTION emit_event(p_event text, p_value jsonb); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.emit_event(p_event text, p_value jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.emit_event(p_event text, p_value jsonb) TO autom_worker;
GRANT ALL ON FUNCTION jobs.emit_event(p_event text, p_value jsonb) TO autom_operator;


--
-- Name: FUNCTION enqueue(p_kind text, p_payload jsonb, p_key text, p_tenant uuid, p_run_at timestamp with time zone, p_priority integer, p_unique_key text, p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.enqueue(p_kind text, p_payload jsonb, p_key text, p_tenant uuid, p_run_at timestamp with time zone, p_priority integer, p_unique_key text, p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.enqueue(p_kind text, p_payload jsonb, p_key text, p_tenant uuid, p_run_at timestamp with time zone, p_priority integer, p_unique_key text, p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) TO autom_worker;
GRANT ALL ON FUNCTION jobs.enqueue(p_kind text, p_payload jsonb, p_key text, p_tenant uuid, p_run_at timestamp with time zone, p_priority integer, p_unique_key text, p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) TO autom_operator;


--
-- Name: FUNCTION enqueue_many(p_kind text, p_payloads jsonb[], p_keys text[], p_tenants uuid[], p_run_at timestamp with time zone, p_priority integer, p_unique_keys text[], p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.enqueue_many(p_kind text, p_payloads jsonb[], p_keys text[], p_tenants uuid[], p_run_at timestamp with time zone, p_priority integer, p_unique_keys text[], p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.enqueue_many(p_kind text, p_payloads jsonb[], p_keys text[], p_tenants uuid[], p_run_at timestamp with time zone, p_priority integer, p_unique_keys text[], p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) TO autom_worker;
GRANT ALL ON FUNCTION jobs.enqueue_many(p_kind text, p_payloads jsonb[], p_keys text[], p_tenants uuid[], p_run_at timestamp with time zone, p_priority integer, p_unique_keys text[], p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) TO autom_operator;


--
-- Name: FUNCTION enqueue_staged(p_load_id text, p_kind text, p_run_at timestamp with time zone, p_priority integer, p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.enqueue_staged(p_load_id text, p_kind text, p_run_at timestamp with time zone, p_priority integer, p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.enqueue_staged(p_load_id text, p_kind text, p_run_at timestamp with time zone, p_priority integer, p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) TO autom_worker;
GRANT ALL ON FUNCTION jobs.enqueue_staged(p_load_id text, p_kind text, p_run_at timestamp with time zone, p_priority integer, p_unique_mode text, p_unique_for interval, p_unique_until text, p_max_wait interval, p_after bigint[], p_policy text, p_batch_id bigint) TO autom_operator;


--
-- Name: FUNCTION exchange(p_worker_id integer, p_job_ids bigint[], p_run_nos integer[], p_results jsonb[], p_queue text, p_limit integer, p_after_key text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.exchange(p_worker_id integer, p_job_ids bigint[], p_run_nos integer[], p_results jsonb[], p_queue text, p_limit integer, p_after_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.exchange(p_worker_id integer, p_job_ids bigint[], p_run_nos integer[], p_results jsonb[], p_queue text, p_limit integer, p_after_key text) TO autom_worker;
GRANT ALL ON FUNCTION jobs.exchange(p_worker_id integer, p_job_ids bigint[], p_run_nos integer[], p_results jsonb[], p_queue text, p_limit integer, p_after_key text) TO autom_operator;


--
-- Name: FUNCTION fail(p_job_id bigint, p_run_no integer, p_error text, p_retry boolean, p_after interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.fail(p_job_id bigint, p_run_no integer, p_error text, p_retry boolean, p_after interval) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.fail(p_job_id bigint, p_run_no integer, p_error text, p_retry boolean, p_after interval) TO autom_worker;
GRANT ALL ON FUNCTION jobs.fail(p_job_id bigint, p_run_no integer, p_error text, p_retry boolean, p_after interval) TO autom_operator;


--
-- Name: FUNCTION find(p_state text[], p_kind text, p_queue text, p_key text, p_tenant uuid, p_run_id bigint, p_before bigint, p_limit integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.find(p_state text[], p_kind text, p_queue text, p_key text, p_tenant uuid, p_run_id bigint, p_before bigint, p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.find(p_state text[], p_kind text, p_queue text, p_key text, p_tenant uuid, p_run_id bigint, p_before bigint, p_limit integer) TO autom_worker;
GRANT ALL ON FUNCTION jobs.find(p_state text[], p_kind text, p_queue text, p_key text, p_tenant uuid, p_run_id bigint, p_before bigint, p_limit integer) TO autom_operator;
GRANT ALL ON FUNCTION jobs.find(p_state text[], p_kind text, p_queue text, p_key text, p_tenant uuid, p_run_id bigint, p_before bigint, p_limit integer) TO autom_reader;


--
-- Name: FUNCTION heartbeat(p_worker_id integer, p_progress jsonb, p_hears boolean); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.heartbeat(p_worker_id integer, p_progress jsonb, p_hears boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.heartbeat(p_worker_id integer, p_progress jsonb, p_hears boolean) TO autom_worker;
GRANT ALL ON FUNCTION jobs.heartbeat(p_worker_id integer, p_progress jsonb, p_hears boolean) TO autom_operator;


--
-- Name: FUNCTION keep(p_what text, p_keep interval); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.keep(p_what text, p_keep interval) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.keep(p_what text, p_keep interval) TO autom_operator;


--
-- Name: FUNCTION keep_step(p_job_id bigint, p_run_no integer, p_step text, p_value jsonb); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.keep_step(p_job_id bigint, p_run_no integer, p_step text, p_value jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.keep_step(p_job_id bigint, p_run_no integer, p_step text, p_value jsonb) TO autom_worker;
GRANT ALL ON FUNCTION jobs.keep_step(p_job_id bigint, p_run_no integer, p_step text, p_value jsonb) TO autom_operator;


--
-- Name: FUNCTION listen(); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.listen() FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.listen() TO autom_worker;
GRANT ALL ON FUNCTION jobs.listen() TO autom_operator;


--
-- Name: FUNCTION next_due(p_queues text[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.next_due(p_queues text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.next_due(p_queues text[]) TO autom_worker;
GRANT ALL ON FUNCTION jobs.next_due(p_queues text[]) TO autom_operator;


--
-- Name: FUNCTION next_fire(p_cron text, p_time_zone text, p_after timestamp with time zone); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.next_fire(p_cron text, p_time_zone text, p_after timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.next_fire(p_cron text, p_time_zone text, p_after timestamp with time zone) TO autom_worker;
GRANT ALL ON FUNCTION jobs.next_fire(p_cron text, p_time_zone text, p_after timestamp with time zone) TO autom_operator;
GRANT ALL ON FUNCTION jobs.next_fire(p_cron text, p_time_zone text, p_after timestamp with time zone) TO autom_reader;


--
-- Name: FUNCTION next_fires(p_name text, p_count integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.next_fires(p_name text, p_count integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.next_fires(p_name text, p_count integer) TO autom_worker;
GRANT ALL ON FUNCTION jobs.next_fires(p_name text, p_count integer) TO autom_operator;
GRANT ALL ON FUNCTION jobs.next_fires(p_name text, p_count integer) TO autom_reader;


--
-- Name: FUNCTION open_batch(p_name text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.open_batch(p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.open_batch(p_name text) TO autom_worker;
GRANT ALL ON FUNCTION jobs.open_batch(p_name text) TO autom_operator;


--
-- Name: FUNCTION pause(p_queue text, p_key text, p_until timestamp with time zone, p_reason text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.pause(p_queue text, p_key text, p_until timestamp with time zone, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.pause(p_queue text, p_key text, p_until timestamp with time zone, p_reason text) TO autom_worker;
GRANT ALL ON FUNCTION jobs.pause(p_queue text, p_key text, p_until timestamp with time zone, p_reason text) TO autom_operator;


--
-- Name: FUNCTION pause_schedule(p_name text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.pause_schedule(p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.pause_schedule(p_name text) TO autom_operator;


--
-- Name: FUNCTION penalise(p_queue text, p_key text, p_until timestamp with time zone); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.penalise(p_queue text, p_key text, p_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.penalise(p_queue text, p_key text, p_until timestamp with time zone) TO autom_worker;
GRANT ALL ON FUNCTION jobs.penalise(p_queue text, p_key text, p_until timestamp with time zone) TO autom_operator;


--
-- Name: FUNCTION poll(p_queues text[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.poll(p_queues text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.poll(p_queues text[]) TO autom_worker;
GRANT ALL ON FUNCTION jobs.poll(p_queues text[]) TO autom_operator;


--
-- Name: FUNCTION prepare(p_job_id bigint, p_run_no integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.prepare(p_job_id bigint, p_run_no integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.prepare(p_job_id bigint, p_run_no integer) TO autom_worker;
GRANT ALL ON FUNCTION jobs.prepare(p_job_id bigint, p_run_no integer) TO autom_operator;


--
-- Name: FUNCTION prepare_alert(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.prepare_alert(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION reap(p_limit integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.reap(p_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.reap(p_limit integer) TO autom_worker;
GRANT ALL ON FUNCTION jobs.reap(p_limit integer) TO autom_operator;


--
-- Name: FUNCTION release_many(p_job_ids bigint[], p_run_nos integer[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.release_many(p_job_ids bigint[], p_run_nos integer[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.release_many(p_job_ids bigint[], p_run_nos integer[]) TO autom_worker;
GRANT ALL ON FUNCTION jobs.release_many(p_job_ids bigint[], p_run_nos integer[]) TO autom_operator;


--
-- Name: FUNCTION release_unheld(p_worker_id integer, p_held bigint[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.release_unheld(p_worker_id integer, p_held bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.release_unheld(p_worker_id integer, p_held bigint[]) TO autom_worker;


--
-- Name: FUNCTION resume(p_queue text, p_key text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.resume(p_queue text, p_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.resume(p_queue text, p_key text) TO autom_worker;
GRANT ALL ON FUNCTION jobs.resume(p_queue text, p_key text) TO autom_operator;


--
-- Name: FUNCTION resume_schedule(p_name text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.resume_schedule(p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.resume_schedule(p_name text) TO autom_operator;


--
-- Name: FUNCTION retry(p_job_id bigint); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.retry(p_job_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.retry(p_job_id bigint) TO autom_operator;


--
-- Name: FUNCTION retry_dead(p_kind text, p_queue text, p_reason text, p_limit integer, p_per_second double precision, p_dry_run boolean); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.retry_dead(p_kind text, p_queue text, p_reason text, p_limit integer, p_per_second double precision, p_dry_run boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.retry_dead(p_kind text, p_queue text, p_reason text, p_limit integer, p_per_second double precision, p_dry_run boolean) TO autom_operator;


--
-- Name: FUNCTION ring(p_message text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.ring(p_message text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.ring(p_message text) TO autom_worker;
GRANT ALL ON FUNCTION jobs.ring(p_message text) TO autom_operator;


--
-- Name: FUNCTION run_schedule(p_name text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.run_schedule(p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.run_schedule(p_name text) TO autom_worker;
GRANT ALL ON FUNCTION jobs.run_schedule(p_name text) TO autom_operator;


--
-- Name: FUNCTION set_alert_channel(p_channel text, p_sends text, p_url_from text, p_mail_from text, p_mail_to text[], p_min_severity text, p_enabled boolean, p_description text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.set_alert_channel(p_channel text, p_sends text, p_url_from text, p_mail_from text, p_mail_to text[], p_min_severity text, p_enabled boolean, p_description text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.set_alert_channel(p_channel text, p_sends text, p_url_from text, p_mail_from text, p_mail_to text[], p_min_severity text, p_enabled boolean, p_description text) TO autom_operator;


--
-- Name: FUNCTION set_alert_rule(p_rule text, p_bound double precision, p_span interval, p_severity text, p_clear_after interval, p_channels text[], p_enabled boolean); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.set_alert_rule(p_rule text, p_bound double precision, p_span interval, p_severity text, p_clear_after interval, p_channels text[], p_enabled boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.set_alert_rule(p_rule text, p_bound double precision, p_span interval, p_severity text, p_clear_after interval, p_channels text[], p_enabled boolean) TO autom_operator;


--
-- Name: FUNCTION settle(p_job_id bigint, p_run_no integer, p_outcome jsonb); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.settle(p_job_id bigint, p_run_no integer, p_outcome jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.settle(p_job_id bigint, p_run_no integer, p_outcome jsonb) TO autom_worker;
GRANT ALL ON FUNCTION jobs.settle(p_job_id bigint, p_run_no integer, p_outcome jsonb) TO autom_operator;


--
-- Name: FUNCTION settle_alert(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.settle_alert(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION silence_alert(p_alert_id bigint, p_until timestamp with time zone, p_reason text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.silence_alert(p_alert_id bigint, p_until timestamp with time zone, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.silence_alert(p_alert_id bigint, p_until timestamp with time zone, p_reason text) TO autom_operator;


--
-- Name: FUNCTION silence_rule(p_rule text, p_until timestamp with time zone, p_reason text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.silence_rule(p_rule text, p_until timestamp with time zone, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.silence_rule(p_rule text, p_until timestamp with time zone, p_reason text) TO autom_operator;


--
-- Name: FUNCTION sleep(p_job_id bigint, p_run_no integer, p_step text, p_for interval, p_until timestamp with time zone); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.sleep(p_job_id bigint, p_run_no integer, p_step text, p_for interval, p_until timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.sleep(p_job_id bigint, p_run_no integer, p_step text, p_for interval, p_until timestamp with time zone) TO autom_worker;
GRANT ALL ON FUNCTION jobs.sleep(p_job_id bigint, p_run_no integer, p_step text, p_for interval, p_until timestamp with time zone) TO autom_operator;


--
-- Name: FUNCTION snooze(p_job_id bigint, p_run_no integer, p_until timestamp with time zone, p_reason text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.snooze(p_job_id bigint, p_run_no integer, p_until timestamp with time zone, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.snooze(p_job_id bigint, p_run_no integer, p_until timestamp with time zone, p_reason text) TO autom_worker;
GRANT ALL ON FUNCTION jobs.snooze(p_job_id bigint, p_run_no integer, p_until timestamp with time zone, p_reason text) TO autom_operator;


--
-- Name: FUNCTION start_worker(p_name text, p_queues text[], p_lease interval, p_kinds text[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.start_worker(p_name text, p_queues text[], p_lease interval, p_kinds text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.start_worker(p_name text, p_queues text[], p_lease interval, p_kinds text[]) TO autom_worker;
GRANT ALL ON FUNCTION jobs.start_worker(p_name text, p_queues text[], p_lease interval, p_kinds text[]) TO autom_operator;


--
-- Name: FUNCTION step(p_job_id bigint, p_run_no integer, p_step text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.step(p_job_id bigint, p_run_no integer, p_step text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.step(p_job_id bigint, p_run_no integer, p_step text) TO autom_worker;
GRANT ALL ON FUNCTION jobs.step(p_job_id bigint, p_run_no integer, p_step text) TO autom_operator;


--
-- Name: FUNCTION stop_worker(p_worker_id integer); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.stop_worker(p_worker_id integer) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.stop_worker(p_worker_id integer) TO autom_worker;
GRANT ALL ON FUNCTION jobs.stop_worker(p_worker_id integer) TO autom_operator;


--
-- Name: FUNCTION test_channel(p_channel text); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.test_channel(p_channel text) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.test_channel(p_channel text) TO autom_operator;


--
-- Name: FUNCTION tg_schedules_look_ahead(); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.tg_schedules_look_ahead() FROM PUBLIC;


--
-- Name: FUNCTION tick(p_parts text[]); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON FUNCTION jobs.tick(p_parts text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION jobs.tick(p_parts text[]) TO autom_worker;
GRANT ALL ON FUNCTION jobs.tick(p_parts text[]) TO autom_operator;


--
-- Name: PROCEDURE tick_for_a_minute(); Type: ACL; Schema: jobs; Owner: -
--

REVOKE ALL ON PROCEDURE jobs.tick_for_a_minute() FROM PUBLIC;
GRANT ALL ON PROCEDURE jobs.tick_for_a_minute() TO autom_worker;
GRANT ALL ON PROCEDURE jobs.tick_for_a_minute() TO autom_operator;


--
-- Name: FUNCTION _apply_orders(p_user_id uuid, p_shop_id uuid, p_import_id bigint, p_last_day date); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._apply_orders(p_user_id uuid, p_shop_id uuid, p_import_id bigint, p_last_day date) FROM PUBLIC;


--
-- Name: FUNCTION _apply_products(p_user_id uuid, p_shop_id uuid, p_import_id bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._apply_products(p_user_id uuid, p_shop_id uuid, p_import_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION _ask_model(p_job_id bigint, p_user_id uuid, p_product_id bigint, p_connection_id uuid, p_task text, p_request jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._ask_model(p_job_id bigint, p_user_id uuid, p_product_id bigint, p_connection_id uuid, p_task text, p_request jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION _day(p_user_id uuid, p_shop_id uuid); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._day(p_user_id uuid, p_shop_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION shops._day(p_user_id uuid, p_shop_id uuid) TO autom_web;
GRANT ALL ON FUNCTION shops._day(p_user_id uuid, p_shop_id uuid) TO autom_operator;
GRANT ALL ON FUNCTION shops._day(p_user_id uuid, p_shop_id uuid) TO autom_reader;
GRANT ALL ON FUNCTION shops._day(p_user_id uuid, p_shop_id uuid) TO authenticated;
GRANT ALL ON FUNCTION shops._day(p_user_id uuid, p_shop_id uuid) TO service_role;


--
-- Name: FUNCTION _decimals(p_currency text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._decimals(p_currency text) FROM PUBLIC;


--
-- Name: FUNCTION _end_ai_call(p_job_id bigint, p_state text, p_usage jsonb, p_request_id text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._end_ai_call(p_job_id bigint, p_state text, p_usage jsonb, p_request_id text) FROM PUBLIC;


--
-- Name: FUNCTION _end_pass(p_user_id uuid, p_pass_id bigint, p_state text, p_reason text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._end_pass(p_user_id uuid, p_pass_id bigint, p_state text, p_reason text) FROM PUBLIC;


--
-- Name: FUNCTION _enqueue_step(p_kind text, p_user_id uuid, p_product_id bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._enqueue_step(p_kind text, p_user_id uuid, p_product_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION _fail_step(p_kind text, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._fail_step(p_kind text, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION _lock_quota(p_user_ids uuid[]); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._lock_quota(p_user_ids uuid[]) FROM PUBLIC;


--
-- Name: FUNCTION _match(p_user_id uuid, p_shop_id uuid, p_gid text, p_sku text, p_title text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._match(p_user_id uuid, p_shop_id uuid, p_gid text, p_sku text, p_title text) FROM PUBLIC;


--
-- Name: FUNCTION _match_lines(p_user_id uuid, p_shop_id uuid); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._match_lines(p_user_id uuid, p_shop_id uuid) FROM PUBLIC;


--
-- Name: FUNCTION _media_type(p_picture bytea); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._media_type(p_picture bytea) FROM PUBLIC;


--
-- Name: FUNCTION _micro(p_minor bigint, p_currency text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._micro(p_minor bigint, p_currency text) FROM PUBLIC;


--
-- Name: FUNCTION _midnight(p_day date, p_time_zone text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._midnight(p_day date, p_time_zone text) FROM PUBLIC;
GRANT ALL ON FUNCTION shops._midnight(p_day date, p_time_zone text) TO autom_web;
GRANT ALL ON FUNCTION shops._midnight(p_day date, p_time_zone text) TO autom_operator;
GRANT ALL ON FUNCTION shops._midnight(p_day date, p_time_zone text) TO autom_reader;
GRANT ALL ON FUNCTION shops._midnight(p_day date, p_time_zone text) TO authenticated;
GRANT ALL ON FUNCTION shops._midnight(p_day date, p_time_zone text) TO service_role;


--
-- Name: FUNCTION _minor(p_text text, p_currency text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._minor(p_text text, p_currency text) FROM PUBLIC;


--
-- Name: FUNCTION _model(p_user_id uuid, p_shop_id uuid, p_task text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._model(p_user_id uuid, p_shop_id uuid, p_task text) FROM PUBLIC;


--
-- Name: FUNCTION _month(); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._month() FROM PUBLIC;
GRANT ALL ON FUNCTION shops._month() TO autom_web;
GRANT ALL ON FUNCTION shops._month() TO autom_operator;
GRANT ALL ON FUNCTION shops._month() TO autom_reader;
GRANT ALL ON FUNCTION shops._month() TO authenticated;
GRANT ALL ON FUNCTION shops._month() TO service_role;


--
-- Name: FUNCTION _more(p_margin bigint, p_what text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._more(p_margin bigint, p_what text) FROM PUBLIC;
GRANT ALL ON FUNCTION shops._more(p_margin bigint, p_what text) TO autom_web;
GRANT ALL ON FUNCTION shops._more(p_margin bigint, p_what text) TO autom_operator;
GRANT ALL ON FUNCTION shops._more(p_margin bigint, p_what text) TO autom_reader;
GRANT ALL ON FUNCTION shops._more(p_margin bigint, p_what text) TO authenticated;
GRANT ALL ON FUNCTION shops._more(p_margin bigint, p_what text) TO service_role;


--
-- Name: FUNCTION _open_ai_call(p_job_id bigint, p_user_id uuid, p_shop_id uuid, p_product_id bigint, p_task text, p_model text, p_quality text, p_asked jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._open_ai_call(p_job_id bigint, p_user_id uuid, p_shop_id uuid, p_product_id bigint, p_task text, p_model text, p_quality text, p_asked jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION _orders_problem(p_orders jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._orders_problem(p_orders jsonb) FROM PUBLIC;


--
-- Name: FUNCTION _owner(p_shop_id uuid); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._owner(p_shop_id uuid) FROM PUBLIC;


--
-- Name: FUNCTION _paragraphs(p_text text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._paragraphs(p_text text) FROM PUBLIC;


--
-- Name: FUNCTION _picture(p_base64 text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._picture(p_base64 text) FROM PUBLIC;


--
-- Name: FUNCTION _plain(p_text text, p_most integer); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._plain(p_text text, p_most integer) FROM PUBLIC;


--
-- Name: FUNCTION _plan_expansion(p_decision_ids bigint[]); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._plan_expansion(p_decision_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _plan_pauses(p_decision_ids bigint[]); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._plan_pauses(p_decision_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _plan_products(p_run_id bigint, p_shop_ids uuid[], p_niche_ids bigint[], p_how_many integer[], p_parents bigint[]); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._plan_products(p_run_id bigint, p_shop_ids uuid[], p_niche_ids bigint[], p_how_many integer[], p_parents bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _plan_raises(p_decision_ids bigint[]); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._plan_raises(p_decision_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _plan_variations(p_run_id bigint, p_decision_ids bigint[]); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._plan_variations(p_run_id bigint, p_decision_ids bigint[]) FROM PUBLIC;


--
-- Name: FUNCTION _price_text(p_minor bigint, p_currency text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._price_text(p_minor bigint, p_currency text) FROM PUBLIC;


--
-- Name: FUNCTION _prompt(p_user_id uuid, p_product_id bigint, p_type text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._prompt(p_user_id uuid, p_product_id bigint, p_type text) FROM PUBLIC;


--
-- Name: FUNCTION _read_order_lines(p_user_id uuid, p_import_id bigint, p_currency text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._read_order_lines(p_user_id uuid, p_import_id bigint, p_currency text) FROM PUBLIC;


--
-- Name: FUNCTION _revive(p_user_id uuid, p_product_id bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._revive(p_user_id uuid, p_product_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION _rules(p_user_id uuid, p_shop_id uuid); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._rules(p_user_id uuid, p_shop_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION shops._rules(p_user_id uuid, p_shop_id uuid) TO autom_web;
GRANT ALL ON FUNCTION shops._rules(p_user_id uuid, p_shop_id uuid) TO autom_operator;
GRANT ALL ON FUNCTION shops._rules(p_user_id uuid, p_shop_id uuid) TO autom_reader;
GRANT ALL ON FUNCTION shops._rules(p_user_id uuid, p_shop_id uuid) TO authenticated;
GRANT ALL ON FUNCTION shops._rules(p_user_id uuid, p_shop_id uuid) TO service_role;


--
-- Name: FUNCTION _scale(p_run_id bigint, p_shop_ids uuid[]); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._scale(p_run_id bigint, p_shop_ids uuid[]) FROM PUBLIC;


--
-- Name: FUNCTION _settle_ai_call(p_job_id bigint, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._settle_ai_call(p_job_id bigint, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION _settle_text(p_kind text, p_step text, p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._settle_text(p_kind text, p_step text, p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION _skipped(p_reasons text[]); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._skipped(p_reasons text[]) FROM PUBLIC;


--
-- Name: FUNCTION _slug(p_name text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._slug(p_name text) FROM PUBLIC;


--
-- Name: FUNCTION _start_passes(p_run_id bigint, p_shop_ids uuid[], p_then_scale boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._start_passes(p_run_id bigint, p_shop_ids uuid[], p_then_scale boolean) FROM PUBLIC;


--
-- Name: FUNCTION _store_orders(p_user_id uuid, p_shop_id uuid, p_source text, p_orders jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._store_orders(p_user_id uuid, p_shop_id uuid, p_source text, p_orders jsonb) FROM PUBLIC;


--
-- Name: FUNCTION _tags(p_tags jsonb, p_own text[]); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._tags(p_tags jsonb, p_own text[]) FROM PUBLIC;


--
-- Name: FUNCTION _take_step(p_kind text, p_payload jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._take_step(p_kind text, p_payload jsonb) FROM PUBLIC;


--
-- Name: FUNCTION _text_problem(p_answer jsonb, p_told text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._text_problem(p_answer jsonb, p_told text) FROM PUBLIC;


--
-- Name: FUNCTION _text_request(p_language text, p_input text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._text_request(p_language text, p_input text) FROM PUBLIC;


--
-- Name: FUNCTION _time(p_text text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._time(p_text text) FROM PUBLIC;


--
-- Name: FUNCTION _time_text(p_time timestamp with time zone); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._time_text(p_time timestamp with time zone) FROM PUBLIC;


--
-- Name: FUNCTION _title_heads(p_title text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._title_heads(p_title text) FROM PUBLIC;


--
-- Name: FUNCTION _told(p_user_id uuid, p_product_id bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._told(p_user_id uuid, p_product_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION _told_orders(p_orders jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops._told_orders(p_orders jsonb) FROM PUBLIC;


--
-- Name: FUNCTION add_import_lines(p_import_id bigint, p_line_nos integer[], p_cells jsonb[]); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.add_import_lines(p_import_id bigint, p_line_nos integer[], p_cells jsonb[]) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.add_import_lines(p_import_id bigint, p_line_nos integer[], p_cells jsonb[]) TO autom_operator;
GRANT ALL ON FUNCTION shops.add_import_lines(p_import_id bigint, p_line_nos integer[], p_cells jsonb[]) TO service_role;


--
-- Name: FUNCTION add_niche(p_shop_id uuid, p_name text, p_priority integer, p_daily_limit integer); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.add_niche(p_shop_id uuid, p_name text, p_priority integer, p_daily_limit integer) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.add_niche(p_shop_id uuid, p_name text, p_priority integer, p_daily_limit integer) TO autom_operator;
GRANT ALL ON FUNCTION shops.add_niche(p_shop_id uuid, p_name text, p_priority integer, p_daily_limit integer) TO service_role;


--
-- Name: FUNCTION apply_creation(p_run_id bigint, p_shop_id uuid); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.apply_creation(p_run_id bigint, p_shop_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.apply_creation(p_run_id bigint, p_shop_id uuid) TO autom_operator;
GRANT ALL ON FUNCTION shops.apply_creation(p_run_id bigint, p_shop_id uuid) TO service_role;


--
-- Name: FUNCTION apply_import(p_import_id bigint, p_last_day date); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.apply_import(p_import_id bigint, p_last_day date) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.apply_import(p_import_id bigint, p_last_day date) TO autom_operator;
GRANT ALL ON FUNCTION shops.apply_import(p_import_id bigint, p_last_day date) TO service_role;


--
-- Name: FUNCTION attach(p_shop_id uuid, p_connection_id uuid); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.attach(p_shop_id uuid, p_connection_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.attach(p_shop_id uuid, p_connection_id uuid) TO autom_operator;
GRANT ALL ON FUNCTION shops.attach(p_shop_id uuid, p_connection_id uuid) TO service_role;


--
-- Name: FUNCTION attach_own(p_shop_id uuid); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.attach_own(p_shop_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.attach_own(p_shop_id uuid) TO autom_operator;
GRANT ALL ON FUNCTION shops.attach_own(p_shop_id uuid) TO service_role;


--
-- Name: FUNCTION begin_import(p_shop_id uuid, p_what text, p_file text, p_columns text[]); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.begin_import(p_shop_id uuid, p_what text, p_file text, p_columns text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.begin_import(p_shop_id uuid, p_what text, p_file text, p_columns text[]) TO autom_operator;
GRANT ALL ON FUNCTION shops.begin_import(p_shop_id uuid, p_what text, p_file text, p_columns text[]) TO service_role;


--
-- Name: FUNCTION configure(p_shop_id uuid, p_settings jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.configure(p_shop_id uuid, p_settings jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.configure(p_shop_id uuid, p_settings jsonb) TO autom_operator;
GRANT ALL ON FUNCTION shops.configure(p_shop_id uuid, p_settings jsonb) TO service_role;


--
-- Name: FUNCTION connect_campaign(p_product_id bigint, p_connection_id uuid, p_ad_account_id text, p_campaign_id text, p_daily_budget bigint, p_currency text, p_name text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.connect_campaign(p_product_id bigint, p_connection_id uuid, p_ad_account_id text, p_campaign_id text, p_daily_budget bigint, p_currency text, p_name text) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.connect_campaign(p_product_id bigint, p_connection_id uuid, p_ad_account_id text, p_campaign_id text, p_daily_budget bigint, p_currency text, p_name text) TO autom_operator;
GRANT ALL ON FUNCTION shops.connect_campaign(p_product_id bigint, p_connection_id uuid, p_ad_account_id text, p_campaign_id text, p_daily_budget bigint, p_currency text, p_name text) TO service_role;


--
-- Name: FUNCTION create_shop(p_user_id uuid, p_name text, p_domain text, p_program text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.create_shop(p_user_id uuid, p_name text, p_domain text, p_program text) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.create_shop(p_user_id uuid, p_name text, p_domain text, p_program text) TO autom_operator;
GRANT ALL ON FUNCTION shops.create_shop(p_user_id uuid, p_name text, p_domain text, p_program text) TO service_role;


--
-- Name: FUNCTION decide_winners(p_shop_ids uuid[]); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.decide_winners(p_shop_ids uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.decide_winners(p_shop_ids uuid[]) TO autom_operator;
GRANT ALL ON FUNCTION shops.decide_winners(p_shop_ids uuid[]) TO service_role;


--
-- Name: FUNCTION explain(p_product_id bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.explain(p_product_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.explain(p_product_id bigint) TO autom_web;
GRANT ALL ON FUNCTION shops.explain(p_product_id bigint) TO autom_operator;
GRANT ALL ON FUNCTION shops.explain(p_product_id bigint) TO autom_reader;
GRANT ALL ON FUNCTION shops.explain(p_product_id bigint) TO authenticated;
GRANT ALL ON FUNCTION shops.explain(p_product_id bigint) TO service_role;


--
-- Name: FUNCTION look(p_shop_id uuid); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.look(p_shop_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.look(p_shop_id uuid) TO autom_operator;
GRANT ALL ON FUNCTION shops.look(p_shop_id uuid) TO service_role;


--
-- Name: FUNCTION open_shop(p_user_id uuid, p_name text, p_domain text, p_niches text[]); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.open_shop(p_user_id uuid, p_name text, p_domain text, p_niches text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.open_shop(p_user_id uuid, p_name text, p_domain text, p_niches text[]) TO autom_operator;
GRANT ALL ON FUNCTION shops.open_shop(p_user_id uuid, p_name text, p_domain text, p_niches text[]) TO service_role;


--
-- Name: FUNCTION pause_campaign(p_campaign_id bigint, p_reason text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.pause_campaign(p_campaign_id bigint, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.pause_campaign(p_campaign_id bigint, p_reason text) TO autom_operator;
GRANT ALL ON FUNCTION shops.pause_campaign(p_campaign_id bigint, p_reason text) TO service_role;


--
-- Name: FUNCTION plan_creation(p_user_id uuid, p_shop_id uuid); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.plan_creation(p_user_id uuid, p_shop_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.plan_creation(p_user_id uuid, p_shop_id uuid) TO autom_web;
GRANT ALL ON FUNCTION shops.plan_creation(p_user_id uuid, p_shop_id uuid) TO autom_operator;
GRANT ALL ON FUNCTION shops.plan_creation(p_user_id uuid, p_shop_id uuid) TO autom_reader;
GRANT ALL ON FUNCTION shops.plan_creation(p_user_id uuid, p_shop_id uuid) TO authenticated;
GRANT ALL ON FUNCTION shops.plan_creation(p_user_id uuid, p_shop_id uuid) TO service_role;


--
-- Name: FUNCTION prepare_check_media(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.prepare_check_media(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION prepare_create_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.prepare_create_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION prepare_draw_design(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.prepare_draw_design(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION prepare_look(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.prepare_look(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION prepare_optimise_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.prepare_optimise_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION prepare_pause_campaign(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.prepare_pause_campaign(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION prepare_pin_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.prepare_pin_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION prepare_publish_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.prepare_publish_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION prepare_raise_budget(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.prepare_raise_budget(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION prepare_read_orders(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.prepare_read_orders(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION prepare_update_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.prepare_update_product(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION prepare_upload_design(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.prepare_upload_design(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION prepare_write_text(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.prepare_write_text(p_job_id bigint, p_payload jsonb, p_maybe_sent boolean) FROM PUBLIC;


--
-- Name: FUNCTION probability_above(p_weekly_units double precision, p_units bigint, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.probability_above(p_weekly_units double precision, p_units bigint, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.probability_above(p_weekly_units double precision, p_units bigint, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) TO autom_web;
GRANT ALL ON FUNCTION shops.probability_above(p_weekly_units double precision, p_units bigint, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) TO autom_operator;
GRANT ALL ON FUNCTION shops.probability_above(p_weekly_units double precision, p_units bigint, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) TO autom_reader;
GRANT ALL ON FUNCTION shops.probability_above(p_weekly_units double precision, p_units bigint, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) TO authenticated;
GRANT ALL ON FUNCTION shops.probability_above(p_weekly_units double precision, p_units bigint, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) TO service_role;


--
-- Name: FUNCTION publish(p_product_id bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.publish(p_product_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.publish(p_product_id bigint) TO autom_operator;
GRANT ALL ON FUNCTION shops.publish(p_product_id bigint) TO service_role;


--
-- Name: FUNCTION read_orders(p_shop_id uuid); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.read_orders(p_shop_id uuid) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.read_orders(p_shop_id uuid) TO autom_operator;
GRANT ALL ON FUNCTION shops.read_orders(p_shop_id uuid) TO service_role;


--
-- Name: FUNCTION remove_niche(p_niche_id bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.remove_niche(p_niche_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.remove_niche(p_niche_id bigint) TO autom_operator;
GRANT ALL ON FUNCTION shops.remove_niche(p_niche_id bigint) TO service_role;


--
-- Name: FUNCTION resume_campaign(p_campaign_id bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.resume_campaign(p_campaign_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.resume_campaign(p_campaign_id bigint) TO autom_operator;
GRANT ALL ON FUNCTION shops.resume_campaign(p_campaign_id bigint) TO service_role;


--
-- Name: FUNCTION resume_platform(p_shop_id uuid, p_platform text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.resume_platform(p_shop_id uuid, p_platform text) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.resume_platform(p_shop_id uuid, p_platform text) TO autom_operator;
GRANT ALL ON FUNCTION shops.resume_platform(p_shop_id uuid, p_platform text) TO service_role;


--
-- Name: FUNCTION run_creation(p_run_id bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.run_creation(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION run_optimisation(p_run_id bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.run_optimisation(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION run_pins(p_run_id bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.run_pins(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION run_sales(p_run_id bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.run_sales(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION run_scaling(p_run_id bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.run_scaling(p_run_id bigint) FROM PUBLIC;


--
-- Name: FUNCTION set_budget(p_user_id uuid, p_monthly bigint); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.set_budget(p_user_id uuid, p_monthly bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.set_budget(p_user_id uuid, p_monthly bigint) TO autom_operator;
GRANT ALL ON FUNCTION shops.set_budget(p_user_id uuid, p_monthly bigint) TO service_role;


--
-- Name: FUNCTION set_prompt(p_shop_id uuid, p_type text, p_body text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.set_prompt(p_shop_id uuid, p_type text, p_body text) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.set_prompt(p_shop_id uuid, p_type text, p_body text) TO autom_operator;
GRANT ALL ON FUNCTION shops.set_prompt(p_shop_id uuid, p_type text, p_body text) TO service_role;


--
-- Name: FUNCTION set_winner_rules(p_shop_id uuid, p_rules jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.set_winner_rules(p_shop_id uuid, p_rules jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.set_winner_rules(p_shop_id uuid, p_rules jsonb) TO autom_operator;
GRANT ALL ON FUNCTION shops.set_winner_rules(p_shop_id uuid, p_rules jsonb) TO service_role;


--
-- Name: FUNCTION settle_check_media(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_check_media(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_create_product(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_create_product(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_draw_design(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_draw_design(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_list_boards(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_list_boards(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_list_collections(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_list_collections(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_optimise_product(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_optimise_product(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_pause_campaign(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_pause_campaign(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_pin_product(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_pin_product(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_publish_product(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_publish_product(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_raise_budget(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_raise_budget(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_read_orders(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_read_orders(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_update_product(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_update_product(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_upload_design(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_upload_design(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION settle_write_text(p_job_id bigint, p_payload jsonb, p_result jsonb); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.settle_write_text(p_job_id bigint, p_payload jsonb, p_result jsonb) FROM PUBLIC;


--
-- Name: FUNCTION stop_intent(p_intent_id bigint, p_reason text); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.stop_intent(p_intent_id bigint, p_reason text) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.stop_intent(p_intent_id bigint, p_reason text) TO autom_operator;
GRANT ALL ON FUNCTION shops.stop_intent(p_intent_id bigint, p_reason text) TO service_role;


--
-- Name: FUNCTION tg_product_births(); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.tg_product_births() FROM PUBLIC;


--
-- Name: FUNCTION tg_product_moves(); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.tg_product_moves() FROM PUBLIC;


--
-- Name: FUNCTION tg_shop_births(); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.tg_shop_births() FROM PUBLIC;


--
-- Name: FUNCTION units_needed(p_certainty double precision, p_weekly_units double precision, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision); Type: ACL; Schema: shops; Owner: -
--

REVOKE ALL ON FUNCTION shops.units_needed(p_certainty double precision, p_weekly_units double precision, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION shops.units_needed(p_certainty double precision, p_weekly_units double precision, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) TO autom_web;
GRANT ALL ON FUNCTION shops.units_needed(p_certainty double precision, p_weekly_units double precision, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) TO autom_operator;
GRANT ALL ON FUNCTION shops.units_needed(p_certainty double precision, p_weekly_units double precision, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) TO autom_reader;
GRANT ALL ON FUNCTION shops.units_needed(p_certainty double precision, p_weekly_units double precision, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) TO authenticated;
GRANT ALL ON FUNCTION shops.units_needed(p_certainty double precision, p_weekly_units double precision, p_weeks double precision, p_prior_shape integer, p_prior_weekly_units double precision) TO service_role;


--
-- Name: TABLE connections; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT ON TABLE accounts.connections TO autom_operator;
GRANT SELECT ON TABLE accounts.connections TO autom_reader;
GRANT SELECT ON TABLE accounts.connections TO service_role;
GRANT SELECT ON TABLE accounts.connections TO autom_web;
GRANT SELECT ON TABLE accounts.connections TO authenticated;


--
-- Name: TABLE services; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT ON TABLE accounts.services TO autom_worker;
GRANT SELECT ON TABLE accounts.services TO autom_web;
GRANT SELECT ON TABLE accounts.services TO autom_operator;
GRANT SELECT ON TABLE accounts.services TO autom_reader;
GRANT SELECT ON TABLE accounts.services TO anon;
GRANT SELECT ON TABLE accounts.services TO authenticated;
GRANT SELECT ON TABLE accounts.services TO service_role;


--
-- Name: TABLE users; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT ON TABLE accounts.users TO autom_operator;
GRANT SELECT ON TABLE accounts.users TO autom_reader;
GRANT SELECT ON TABLE accounts.users TO service_role;
GRANT SELECT ON TABLE accounts.users TO autom_web;
GRANT SELECT ON TABLE accounts.users TO authenticated;


--
-- Name: COLUMN users.name; Type: ACL; Schema: accounts; Owner: -
--

GRANT UPDATE(name) ON TABLE accounts.users TO autom_web;
GRANT UPDATE(name) ON TABLE accounts.users TO authenticated;


--
-- Name: TABLE connections_status; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT ON TABLE accounts.connections_status TO autom_web;
GRANT SELECT ON TABLE accounts.connections_status TO autom_operator;
GRANT SELECT ON TABLE accounts.connections_status TO autom_reader;
GRANT SELECT ON TABLE accounts.connections_status TO authenticated;
GRANT SELECT ON TABLE accounts.connections_status TO service_role;


--
-- Name: TABLE plans; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT ON TABLE accounts.plans TO autom_worker;
GRANT SELECT ON TABLE accounts.plans TO autom_web;
GRANT SELECT ON TABLE accounts.plans TO autom_operator;
GRANT SELECT ON TABLE accounts.plans TO autom_reader;
GRANT SELECT ON TABLE accounts.plans TO anon;
GRANT SELECT ON TABLE accounts.plans TO authenticated;
GRANT SELECT ON TABLE accounts.plans TO service_role;


--
-- Name: TABLE subscriptions; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT ON TABLE accounts.subscriptions TO autom_operator;
GRANT SELECT ON TABLE accounts.subscriptions TO autom_reader;
GRANT SELECT ON TABLE accounts.subscriptions TO service_role;
GRANT SELECT ON TABLE accounts.subscriptions TO autom_web;
GRANT SELECT ON TABLE accounts.subscriptions TO authenticated;


--
-- Name: TABLE entitlements; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT ON TABLE accounts.entitlements TO autom_web;
GRANT SELECT ON TABLE accounts.entitlements TO autom_operator;
GRANT SELECT ON TABLE accounts.entitlements TO autom_reader;
GRANT SELECT ON TABLE accounts.entitlements TO authenticated;
GRANT SELECT ON TABLE accounts.entitlements TO service_role;


--
-- Name: COLUMN secrets.user_id; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT(user_id) ON TABLE accounts.secrets TO autom_operator;
GRANT SELECT(user_id) ON TABLE accounts.secrets TO autom_reader;
GRANT SELECT(user_id) ON TABLE accounts.secrets TO service_role;


--
-- Name: COLUMN secrets.connection_id; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT(connection_id) ON TABLE accounts.secrets TO autom_operator;
GRANT SELECT(connection_id) ON TABLE accounts.secrets TO autom_reader;
GRANT SELECT(connection_id) ON TABLE accounts.secrets TO service_role;


--
-- Name: COLUMN secrets.field; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT(field) ON TABLE accounts.secrets TO autom_operator;
GRANT SELECT(field) ON TABLE accounts.secrets TO autom_reader;
GRANT SELECT(field) ON TABLE accounts.secrets TO service_role;


--
-- Name: COLUMN secrets.key_id; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT(key_id) ON TABLE accounts.secrets TO autom_operator;
GRANT SELECT(key_id) ON TABLE accounts.secrets TO autom_reader;
GRANT SELECT(key_id) ON TABLE accounts.secrets TO service_role;


--
-- Name: COLUMN secrets.stored_at; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT(stored_at) ON TABLE accounts.secrets TO autom_operator;
GRANT SELECT(stored_at) ON TABLE accounts.secrets TO autom_reader;
GRANT SELECT(stored_at) ON TABLE accounts.secrets TO service_role;


--
-- Name: TABLE keys_in_use; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT ON TABLE accounts.keys_in_use TO autom_operator;
GRANT SELECT ON TABLE accounts.keys_in_use TO autom_reader;
GRANT SELECT ON TABLE accounts.keys_in_use TO service_role;


--
-- Name: TABLE overview; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT ON TABLE accounts.overview TO autom_web;
GRANT SELECT ON TABLE accounts.overview TO autom_operator;
GRANT SELECT ON TABLE accounts.overview TO autom_reader;
GRANT SELECT ON TABLE accounts.overview TO authenticated;
GRANT SELECT ON TABLE accounts.overview TO service_role;


--
-- Name: TABLE refresh_due; Type: ACL; Schema: accounts; Owner: -
--

GRANT SELECT ON TABLE accounts.refresh_due TO autom_operator;
GRANT SELECT ON TABLE accounts.refresh_due TO autom_reader;
GRANT SELECT ON TABLE accounts.refresh_due TO service_role;


--
-- Name: TABLE active; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.active TO autom_worker;
GRANT SELECT ON TABLE jobs.active TO autom_operator;
GRANT SELECT ON TABLE jobs.active TO autom_reader;


--
-- Name: TABLE alert_channels_status; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.alert_channels_status TO autom_worker;
GRANT SELECT ON TABLE jobs.alert_channels_status TO autom_operator;
GRANT SELECT ON TABLE jobs.alert_channels_status TO autom_reader;


--
-- Name: TABLE alert_rules_status; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.alert_rules_status TO autom_worker;
GRANT SELECT ON TABLE jobs.alert_rules_status TO autom_operator;
GRANT SELECT ON TABLE jobs.alert_rules_status TO autom_reader;


--
-- Name: TABLE alerts_status; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.alerts_status TO autom_worker;
GRANT SELECT ON TABLE jobs.alerts_status TO autom_operator;
GRANT SELECT ON TABLE jobs.alerts_status TO autom_reader;


--
-- Name: TABLE attempts; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.attempts TO autom_worker;
GRANT SELECT ON TABLE jobs.attempts TO autom_operator;
GRANT SELECT ON TABLE jobs.attempts TO autom_reader;


--
-- Name: TABLE batches; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.batches TO autom_worker;
GRANT SELECT ON TABLE jobs.batches TO autom_operator;
GRANT SELECT ON TABLE jobs.batches TO autom_reader;


--
-- Name: TABLE chores_status; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.chores_status TO autom_worker;
GRANT SELECT ON TABLE jobs.chores_status TO autom_operator;
GRANT SELECT ON TABLE jobs.chores_status TO autom_reader;


--
-- Name: TABLE days; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.days TO autom_worker;
GRANT SELECT ON TABLE jobs.days TO autom_operator;
GRANT SELECT ON TABLE jobs.days TO autom_reader;


--
-- Name: TABLE dead; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.dead TO autom_worker;
GRANT SELECT ON TABLE jobs.dead TO autom_operator;
GRANT SELECT ON TABLE jobs.dead TO autom_reader;


--
-- Name: TABLE faults; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.faults TO autom_operator;
GRANT SELECT ON TABLE jobs.faults TO autom_reader;


--
-- Name: TABLE finished; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.finished TO autom_worker;
GRANT SELECT ON TABLE jobs.finished TO autom_operator;
GRANT SELECT ON TABLE jobs.finished TO autom_reader;


--
-- Name: TABLE held; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.held TO autom_worker;
GRANT SELECT ON TABLE jobs.held TO autom_operator;
GRANT SELECT ON TABLE jobs.held TO autom_reader;


--
-- Name: TABLE history_by_hour; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.history_by_hour TO autom_worker;
GRANT SELECT ON TABLE jobs.history_by_hour TO autom_operator;
GRANT SELECT ON TABLE jobs.history_by_hour TO autom_reader;


--
-- Name: TABLE lines; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.lines TO autom_worker;
GRANT SELECT ON TABLE jobs.lines TO autom_operator;
GRANT SELECT ON TABLE jobs.lines TO autom_reader;


--
-- Name: TABLE metric_names; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.metric_names TO autom_worker;
GRANT SELECT ON TABLE jobs.metric_names TO autom_operator;
GRANT SELECT ON TABLE jobs.metric_names TO autom_reader;


--
-- Name: TABLE schedule_status; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.schedule_status TO autom_worker;
GRANT SELECT ON TABLE jobs.schedule_status TO autom_operator;
GRANT SELECT ON TABLE jobs.schedule_status TO autom_reader;


--
-- Name: TABLE xmin_blockers; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.xmin_blockers TO autom_worker;
GRANT SELECT ON TABLE jobs.xmin_blockers TO autom_operator;
GRANT SELECT ON TABLE jobs.xmin_blockers TO autom_reader;


--
-- Name: TABLE metrics; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.metrics TO autom_worker;
GRANT SELECT ON TABLE jobs.metrics TO autom_operator;
GRANT SELECT ON TABLE jobs.metrics TO autom_reader;


--
-- Name: TABLE overview; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.overview TO autom_worker;
GRANT SELECT ON TABLE jobs.overview TO autom_operator;
GRANT SELECT ON TABLE jobs.overview TO autom_reader;


--
-- Name: TABLE parents; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.parents TO autom_worker;
GRANT SELECT ON TABLE jobs.parents TO autom_operator;
GRANT SELECT ON TABLE jobs.parents TO autom_reader;


--
-- Name: TABLE pg_cron_entries; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.pg_cron_entries TO autom_worker;
GRANT SELECT ON TABLE jobs.pg_cron_entries TO autom_operator;
GRANT SELECT ON TABLE jobs.pg_cron_entries TO autom_reader;


--
-- Name: TABLE queues_status; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.queues_status TO autom_worker;
GRANT SELECT ON TABLE jobs.queues_status TO autom_operator;
GRANT SELECT ON TABLE jobs.queues_status TO autom_reader;


--
-- Name: TABLE retention_status; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.retention_status TO autom_worker;
GRANT SELECT ON TABLE jobs.retention_status TO autom_operator;
GRANT SELECT ON TABLE jobs.retention_status TO autom_reader;


--
-- Name: TABLE run_progress; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.run_progress TO autom_worker;
GRANT SELECT ON TABLE jobs.run_progress TO autom_operator;
GRANT SELECT ON TABLE jobs.run_progress TO autom_reader;


--
-- Name: TABLE runs; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.runs TO autom_worker;
GRANT SELECT ON TABLE jobs.runs TO autom_operator;
GRANT SELECT ON TABLE jobs.runs TO autom_reader;


--
-- Name: TABLE staging; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT,INSERT,DELETE ON TABLE jobs.staging TO autom_worker;
GRANT SELECT,INSERT,DELETE ON TABLE jobs.staging TO autom_operator;


--
-- Name: TABLE whereabouts; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.whereabouts TO autom_worker;
GRANT SELECT ON TABLE jobs.whereabouts TO autom_operator;
GRANT SELECT ON TABLE jobs.whereabouts TO autom_reader;


--
-- Name: TABLE work; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.work TO autom_worker;
GRANT SELECT ON TABLE jobs.work TO autom_operator;
GRANT SELECT ON TABLE jobs.work TO autom_reader;


--
-- Name: TABLE workers_status; Type: ACL; Schema: jobs; Owner: -
--

GRANT SELECT ON TABLE jobs.workers_status TO autom_worker;
GRANT SELECT ON TABLE jobs.workers_status TO autom_operator;
GRANT SELECT ON TABLE jobs.workers_status TO autom_reader;


--
-- Name: TABLE ai_calls; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.ai_calls TO autom_operator;
GRANT SELECT ON TABLE shops.ai_calls TO autom_reader;
GRANT SELECT ON TABLE shops.ai_calls TO service_role;
GRANT SELECT ON TABLE shops.ai_calls TO autom_web;
GRANT SELECT ON TABLE shops.ai_calls TO authenticated;


--
-- Name: TABLE shops; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.shops TO autom_operator;
GRANT SELECT ON TABLE shops.shops TO autom_reader;
GRANT SELECT ON TABLE shops.shops TO service_role;
GRANT SELECT ON TABLE shops.shops TO autom_web;
GRANT SELECT ON TABLE shops.shops TO authenticated;


--
-- Name: TABLE api_costs; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.api_costs TO autom_web;
GRANT SELECT ON TABLE shops.api_costs TO autom_operator;
GRANT SELECT ON TABLE shops.api_costs TO autom_reader;
GRANT SELECT ON TABLE shops.api_costs TO authenticated;
GRANT SELECT ON TABLE shops.api_costs TO service_role;


--
-- Name: TABLE boards; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.boards TO autom_operator;
GRANT SELECT ON TABLE shops.boards TO autom_reader;
GRANT SELECT ON TABLE shops.boards TO service_role;
GRANT SELECT ON TABLE shops.boards TO autom_web;
GRANT SELECT ON TABLE shops.boards TO authenticated;


--
-- Name: TABLE budget_months; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.budget_months TO autom_operator;
GRANT SELECT ON TABLE shops.budget_months TO autom_reader;
GRANT SELECT ON TABLE shops.budget_months TO service_role;
GRANT SELECT ON TABLE shops.budget_months TO autom_web;
GRANT SELECT ON TABLE shops.budget_months TO authenticated;


--
-- Name: TABLE budgets; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.budgets TO autom_operator;
GRANT SELECT ON TABLE shops.budgets TO autom_reader;
GRANT SELECT ON TABLE shops.budgets TO service_role;
GRANT SELECT ON TABLE shops.budgets TO autom_web;
GRANT SELECT ON TABLE shops.budgets TO authenticated;


--
-- Name: TABLE plan_budgets; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.plan_budgets TO autom_worker;
GRANT SELECT ON TABLE shops.plan_budgets TO autom_web;
GRANT SELECT ON TABLE shops.plan_budgets TO autom_operator;
GRANT SELECT ON TABLE shops.plan_budgets TO autom_reader;
GRANT SELECT ON TABLE shops.plan_budgets TO anon;
GRANT SELECT ON TABLE shops.plan_budgets TO authenticated;
GRANT SELECT ON TABLE shops.plan_budgets TO service_role;


--
-- Name: TABLE budget; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.budget TO autom_web;
GRANT SELECT ON TABLE shops.budget TO autom_operator;
GRANT SELECT ON TABLE shops.budget TO autom_reader;
GRANT SELECT ON TABLE shops.budget TO authenticated;
GRANT SELECT ON TABLE shops.budget TO service_role;


--
-- Name: TABLE budget_proof; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.budget_proof TO autom_web;
GRANT SELECT ON TABLE shops.budget_proof TO autom_operator;
GRANT SELECT ON TABLE shops.budget_proof TO autom_reader;
GRANT SELECT ON TABLE shops.budget_proof TO authenticated;
GRANT SELECT ON TABLE shops.budget_proof TO service_role;


--
-- Name: TABLE campaigns; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.campaigns TO autom_operator;
GRANT SELECT ON TABLE shops.campaigns TO autom_reader;
GRANT SELECT ON TABLE shops.campaigns TO service_role;
GRANT SELECT ON TABLE shops.campaigns TO autom_web;
GRANT SELECT ON TABLE shops.campaigns TO authenticated;


--
-- Name: TABLE niches; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.niches TO autom_operator;
GRANT SELECT ON TABLE shops.niches TO autom_reader;
GRANT SELECT ON TABLE shops.niches TO service_role;
GRANT SELECT ON TABLE shops.niches TO autom_web;
GRANT SELECT ON TABLE shops.niches TO authenticated;


--
-- Name: TABLE product_states; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.product_states TO autom_worker;
GRANT SELECT ON TABLE shops.product_states TO autom_web;
GRANT SELECT ON TABLE shops.product_states TO autom_operator;
GRANT SELECT ON TABLE shops.product_states TO autom_reader;
GRANT SELECT ON TABLE shops.product_states TO anon;
GRANT SELECT ON TABLE shops.product_states TO authenticated;
GRANT SELECT ON TABLE shops.product_states TO service_role;


--
-- Name: TABLE products; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.products TO autom_operator;
GRANT SELECT ON TABLE shops.products TO autom_reader;
GRANT SELECT ON TABLE shops.products TO service_role;
GRANT SELECT ON TABLE shops.products TO autom_web;
GRANT SELECT ON TABLE shops.products TO authenticated;


--
-- Name: TABLE catalogue; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.catalogue TO autom_web;
GRANT SELECT ON TABLE shops.catalogue TO autom_operator;
GRANT SELECT ON TABLE shops.catalogue TO autom_reader;
GRANT SELECT ON TABLE shops.catalogue TO authenticated;
GRANT SELECT ON TABLE shops.catalogue TO service_role;


--
-- Name: TABLE collections; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.collections TO autom_operator;
GRANT SELECT ON TABLE shops.collections TO autom_reader;
GRANT SELECT ON TABLE shops.collections TO service_role;
GRANT SELECT ON TABLE shops.collections TO autom_web;
GRANT SELECT ON TABLE shops.collections TO authenticated;


--
-- Name: TABLE creation_plans; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.creation_plans TO autom_operator;
GRANT SELECT ON TABLE shops.creation_plans TO autom_reader;
GRANT SELECT ON TABLE shops.creation_plans TO service_role;
GRANT SELECT ON TABLE shops.creation_plans TO autom_web;
GRANT SELECT ON TABLE shops.creation_plans TO authenticated;


--
-- Name: TABLE decisions; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.decisions TO autom_operator;
GRANT SELECT ON TABLE shops.decisions TO autom_reader;
GRANT SELECT ON TABLE shops.decisions TO service_role;
GRANT SELECT ON TABLE shops.decisions TO autom_web;
GRANT SELECT ON TABLE shops.decisions TO authenticated;


--
-- Name: TABLE default_prompts; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.default_prompts TO autom_worker;
GRANT SELECT ON TABLE shops.default_prompts TO autom_web;
GRANT SELECT ON TABLE shops.default_prompts TO autom_operator;
GRANT SELECT ON TABLE shops.default_prompts TO autom_reader;
GRANT SELECT ON TABLE shops.default_prompts TO anon;
GRANT SELECT ON TABLE shops.default_prompts TO authenticated;
GRANT SELECT ON TABLE shops.default_prompts TO service_role;


--
-- Name: TABLE designs; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.designs TO autom_operator;
GRANT SELECT ON TABLE shops.designs TO autom_reader;
GRANT SELECT ON TABLE shops.designs TO service_role;
GRANT SELECT ON TABLE shops.designs TO autom_web;
GRANT SELECT ON TABLE shops.designs TO authenticated;


--
-- Name: TABLE syncs; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.syncs TO autom_operator;
GRANT SELECT ON TABLE shops.syncs TO autom_reader;
GRANT SELECT ON TABLE shops.syncs TO service_role;
GRANT SELECT ON TABLE shops.syncs TO autom_web;
GRANT SELECT ON TABLE shops.syncs TO authenticated;


--
-- Name: TABLE funnel; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.funnel TO autom_web;
GRANT SELECT ON TABLE shops.funnel TO autom_operator;
GRANT SELECT ON TABLE shops.funnel TO autom_reader;
GRANT SELECT ON TABLE shops.funnel TO authenticated;
GRANT SELECT ON TABLE shops.funnel TO service_role;


--
-- Name: TABLE import_lines; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.import_lines TO autom_operator;
GRANT SELECT ON TABLE shops.import_lines TO autom_reader;
GRANT SELECT ON TABLE shops.import_lines TO service_role;
GRANT SELECT ON TABLE shops.import_lines TO autom_web;
GRANT SELECT ON TABLE shops.import_lines TO authenticated;


--
-- Name: TABLE import_rejects; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.import_rejects TO autom_operator;
GRANT SELECT ON TABLE shops.import_rejects TO autom_reader;
GRANT SELECT ON TABLE shops.import_rejects TO service_role;
GRANT SELECT ON TABLE shops.import_rejects TO autom_web;
GRANT SELECT ON TABLE shops.import_rejects TO authenticated;


--
-- Name: TABLE imports; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.imports TO autom_operator;
GRANT SELECT ON TABLE shops.imports TO autom_reader;
GRANT SELECT ON TABLE shops.imports TO service_role;
GRANT SELECT ON TABLE shops.imports TO autom_web;
GRANT SELECT ON TABLE shops.imports TO authenticated;


--
-- Name: TABLE shop_runs; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.shop_runs TO autom_operator;
GRANT SELECT ON TABLE shops.shop_runs TO autom_reader;
GRANT SELECT ON TABLE shops.shop_runs TO service_role;
GRANT SELECT ON TABLE shops.shop_runs TO autom_web;
GRANT SELECT ON TABLE shops.shop_runs TO authenticated;


--
-- Name: TABLE job_status; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.job_status TO autom_web;
GRANT SELECT ON TABLE shops.job_status TO autom_operator;
GRANT SELECT ON TABLE shops.job_status TO autom_reader;
GRANT SELECT ON TABLE shops.job_status TO authenticated;
GRANT SELECT ON TABLE shops.job_status TO service_role;


--
-- Name: TABLE models; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.models TO autom_worker;
GRANT SELECT ON TABLE shops.models TO autom_web;
GRANT SELECT ON TABLE shops.models TO autom_operator;
GRANT SELECT ON TABLE shops.models TO autom_reader;
GRANT SELECT ON TABLE shops.models TO anon;
GRANT SELECT ON TABLE shops.models TO authenticated;
GRANT SELECT ON TABLE shops.models TO service_role;


--
-- Name: TABLE order_lines; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.order_lines TO autom_operator;
GRANT SELECT ON TABLE shops.order_lines TO autom_reader;
GRANT SELECT ON TABLE shops.order_lines TO service_role;
GRANT SELECT ON TABLE shops.order_lines TO autom_web;
GRANT SELECT ON TABLE shops.order_lines TO authenticated;


--
-- Name: TABLE order_passes; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.order_passes TO autom_operator;
GRANT SELECT ON TABLE shops.order_passes TO autom_reader;
GRANT SELECT ON TABLE shops.order_passes TO service_role;
GRANT SELECT ON TABLE shops.order_passes TO autom_web;
GRANT SELECT ON TABLE shops.order_passes TO authenticated;


--
-- Name: TABLE order_log; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.order_log TO autom_web;
GRANT SELECT ON TABLE shops.order_log TO autom_operator;
GRANT SELECT ON TABLE shops.order_log TO autom_reader;
GRANT SELECT ON TABLE shops.order_log TO authenticated;
GRANT SELECT ON TABLE shops.order_log TO service_role;


--
-- Name: TABLE orders; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.orders TO autom_operator;
GRANT SELECT ON TABLE shops.orders TO autom_reader;
GRANT SELECT ON TABLE shops.orders TO service_role;
GRANT SELECT ON TABLE shops.orders TO autom_web;
GRANT SELECT ON TABLE shops.orders TO authenticated;


--
-- Name: TABLE overview; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.overview TO autom_web;
GRANT SELECT ON TABLE shops.overview TO autom_operator;
GRANT SELECT ON TABLE shops.overview TO autom_reader;
GRANT SELECT ON TABLE shops.overview TO authenticated;
GRANT SELECT ON TABLE shops.overview TO service_role;


--
-- Name: TABLE platform_stops; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.platform_stops TO autom_operator;
GRANT SELECT ON TABLE shops.platform_stops TO autom_reader;
GRANT SELECT ON TABLE shops.platform_stops TO service_role;
GRANT SELECT ON TABLE shops.platform_stops TO autom_web;
GRANT SELECT ON TABLE shops.platform_stops TO authenticated;


--
-- Name: TABLE platforms; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.platforms TO autom_worker;
GRANT SELECT ON TABLE shops.platforms TO autom_web;
GRANT SELECT ON TABLE shops.platforms TO autom_operator;
GRANT SELECT ON TABLE shops.platforms TO autom_reader;
GRANT SELECT ON TABLE shops.platforms TO anon;
GRANT SELECT ON TABLE shops.platforms TO authenticated;
GRANT SELECT ON TABLE shops.platforms TO service_role;


--
-- Name: TABLE settings; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.settings TO autom_operator;
GRANT SELECT ON TABLE shops.settings TO autom_reader;
GRANT SELECT ON TABLE shops.settings TO service_role;
GRANT SELECT ON TABLE shops.settings TO autom_web;
GRANT SELECT ON TABLE shops.settings TO authenticated;


--
-- Name: TABLE shop_connections; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.shop_connections TO autom_operator;
GRANT SELECT ON TABLE shops.shop_connections TO autom_reader;
GRANT SELECT ON TABLE shops.shop_connections TO service_role;
GRANT SELECT ON TABLE shops.shop_connections TO autom_web;
GRANT SELECT ON TABLE shops.shop_connections TO authenticated;


--
-- Name: TABLE readiness; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.readiness TO autom_web;
GRANT SELECT ON TABLE shops.readiness TO autom_operator;
GRANT SELECT ON TABLE shops.readiness TO autom_reader;
GRANT SELECT ON TABLE shops.readiness TO authenticated;
GRANT SELECT ON TABLE shops.readiness TO service_role;


--
-- Name: TABLE platform_status; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.platform_status TO autom_web;
GRANT SELECT ON TABLE shops.platform_status TO autom_operator;
GRANT SELECT ON TABLE shops.platform_status TO autom_reader;
GRANT SELECT ON TABLE shops.platform_status TO authenticated;
GRANT SELECT ON TABLE shops.platform_status TO service_role;


--
-- Name: TABLE winner_rules; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.winner_rules TO autom_operator;
GRANT SELECT ON TABLE shops.winner_rules TO autom_reader;
GRANT SELECT ON TABLE shops.winner_rules TO service_role;
GRANT SELECT ON TABLE shops.winner_rules TO autom_web;
GRANT SELECT ON TABLE shops.winner_rules TO authenticated;


--
-- Name: TABLE present_rules; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.present_rules TO autom_web;
GRANT SELECT ON TABLE shops.present_rules TO autom_operator;
GRANT SELECT ON TABLE shops.present_rules TO autom_reader;
GRANT SELECT ON TABLE shops.present_rules TO authenticated;
GRANT SELECT ON TABLE shops.present_rules TO service_role;


--
-- Name: TABLE product_moves; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.product_moves TO autom_worker;
GRANT SELECT ON TABLE shops.product_moves TO autom_web;
GRANT SELECT ON TABLE shops.product_moves TO autom_operator;
GRANT SELECT ON TABLE shops.product_moves TO autom_reader;
GRANT SELECT ON TABLE shops.product_moves TO anon;
GRANT SELECT ON TABLE shops.product_moves TO authenticated;
GRANT SELECT ON TABLE shops.product_moves TO service_role;


--
-- Name: TABLE prompts; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.prompts TO autom_operator;
GRANT SELECT ON TABLE shops.prompts TO autom_reader;
GRANT SELECT ON TABLE shops.prompts TO service_role;
GRANT SELECT ON TABLE shops.prompts TO autom_web;
GRANT SELECT ON TABLE shops.prompts TO authenticated;


--
-- Name: TABLE quota_months; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.quota_months TO autom_operator;
GRANT SELECT ON TABLE shops.quota_months TO autom_reader;
GRANT SELECT ON TABLE shops.quota_months TO service_role;
GRANT SELECT ON TABLE shops.quota_months TO autom_web;
GRANT SELECT ON TABLE shops.quota_months TO authenticated;


--
-- Name: TABLE quota; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.quota TO autom_web;
GRANT SELECT ON TABLE shops.quota TO autom_operator;
GRANT SELECT ON TABLE shops.quota TO autom_reader;
GRANT SELECT ON TABLE shops.quota TO authenticated;
GRANT SELECT ON TABLE shops.quota TO service_role;


--
-- Name: TABLE quota_proof; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.quota_proof TO autom_web;
GRANT SELECT ON TABLE shops.quota_proof TO autom_operator;
GRANT SELECT ON TABLE shops.quota_proof TO autom_reader;
GRANT SELECT ON TABLE shops.quota_proof TO authenticated;
GRANT SELECT ON TABLE shops.quota_proof TO service_role;


--
-- Name: TABLE refunds; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.refunds TO autom_operator;
GRANT SELECT ON TABLE shops.refunds TO autom_reader;
GRANT SELECT ON TABLE shops.refunds TO service_role;
GRANT SELECT ON TABLE shops.refunds TO autom_web;
GRANT SELECT ON TABLE shops.refunds TO authenticated;


--
-- Name: TABLE sales_days; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.sales_days TO autom_web;
GRANT SELECT ON TABLE shops.sales_days TO autom_operator;
GRANT SELECT ON TABLE shops.sales_days TO autom_reader;
GRANT SELECT ON TABLE shops.sales_days TO authenticated;
GRANT SELECT ON TABLE shops.sales_days TO service_role;


--
-- Name: TABLE scaling_intents; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.scaling_intents TO autom_operator;
GRANT SELECT ON TABLE shops.scaling_intents TO autom_reader;
GRANT SELECT ON TABLE shops.scaling_intents TO service_role;
GRANT SELECT ON TABLE shops.scaling_intents TO autom_web;
GRANT SELECT ON TABLE shops.scaling_intents TO authenticated;


--
-- Name: TABLE steps; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.steps TO autom_worker;
GRANT SELECT ON TABLE shops.steps TO autom_web;
GRANT SELECT ON TABLE shops.steps TO autom_operator;
GRANT SELECT ON TABLE shops.steps TO autom_reader;
GRANT SELECT ON TABLE shops.steps TO anon;
GRANT SELECT ON TABLE shops.steps TO authenticated;
GRANT SELECT ON TABLE shops.steps TO service_role;


--
-- Name: TABLE stuck; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.stuck TO autom_web;
GRANT SELECT ON TABLE shops.stuck TO autom_operator;
GRANT SELECT ON TABLE shops.stuck TO autom_reader;
GRANT SELECT ON TABLE shops.stuck TO authenticated;
GRANT SELECT ON TABLE shops.stuck TO service_role;


--
-- Name: TABLE sync_log; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.sync_log TO autom_web;
GRANT SELECT ON TABLE shops.sync_log TO autom_operator;
GRANT SELECT ON TABLE shops.sync_log TO autom_reader;
GRANT SELECT ON TABLE shops.sync_log TO authenticated;
GRANT SELECT ON TABLE shops.sync_log TO service_role;


--
-- Name: TABLE texts; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.texts TO autom_operator;
GRANT SELECT ON TABLE shops.texts TO autom_reader;
GRANT SELECT ON TABLE shops.texts TO service_role;
GRANT SELECT ON TABLE shops.texts TO autom_web;
GRANT SELECT ON TABLE shops.texts TO authenticated;


--
-- Name: TABLE trackings; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.trackings TO autom_operator;
GRANT SELECT ON TABLE shops.trackings TO autom_reader;
GRANT SELECT ON TABLE shops.trackings TO service_role;
GRANT SELECT ON TABLE shops.trackings TO autom_web;
GRANT SELECT ON TABLE shops.trackings TO authenticated;


--
-- Name: TABLE unsynced; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.unsynced TO autom_web;
GRANT SELECT ON TABLE shops.unsynced TO autom_operator;
GRANT SELECT ON TABLE shops.unsynced TO autom_reader;
GRANT SELECT ON TABLE shops.unsynced TO authenticated;
GRANT SELECT ON TABLE shops.unsynced TO service_role;


--
-- Name: TABLE variants; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.variants TO autom_operator;
GRANT SELECT ON TABLE shops.variants TO autom_reader;
GRANT SELECT ON TABLE shops.variants TO service_role;
GRANT SELECT ON TABLE shops.variants TO autom_web;
GRANT SELECT ON TABLE shops.variants TO authenticated;


--
-- Name: TABLE windows; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.windows TO autom_web;
GRANT SELECT ON TABLE shops.windows TO autom_operator;
GRANT SELECT ON TABLE shops.windows TO autom_reader;
GRANT SELECT ON TABLE shops.windows TO authenticated;
GRANT SELECT ON TABLE shops.windows TO service_role;


--
-- Name: TABLE winner_candidates; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.winner_candidates TO autom_web;
GRANT SELECT ON TABLE shops.winner_candidates TO autom_operator;
GRANT SELECT ON TABLE shops.winner_candidates TO autom_reader;
GRANT SELECT ON TABLE shops.winner_candidates TO authenticated;
GRANT SELECT ON TABLE shops.winner_candidates TO service_role;


--
-- Name: TABLE winner_conditions; Type: ACL; Schema: shops; Owner: -
--

GRANT SELECT ON TABLE shops.winner_conditions TO autom_web;
GRANT SELECT ON TABLE shops.winner_conditions TO autom_operator;
GRANT SELECT ON TABLE shops.winner_conditions TO autom_reader;
GRANT SELECT ON TABLE shops.winner_conditions TO authenticated;
GRANT SELECT ON TABLE shops.winner_conditions TO service_role;


--
-- Name: DEFAULT PRIVILEGES FOR FUNCTIONS; Type: DEFAULT ACL; Schema: -; Owner: -
--

ALTER DEFAULT PRIVILEGES FOR ROLE postgres REVOKE ALL ON FUNCTIONS  FROM PUBLIC;


--
-- PostgreSQL database dump complete
--

\unrestrict x

