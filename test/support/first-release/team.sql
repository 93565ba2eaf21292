-- The PostgreSQL of a Team edition of 0.1.0 (its tree of 2026-11-30, migrations 1 to 5), filled by its own admin API and
-- written by pg_dump 15 with --inserts --no-owner --no-privileges. Never changed: what later releases must start on.

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

CREATE FUNCTION public.tokligence_end_timings() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF EXISTS (SELECT FROM "public".api_key_priority_boosts t WHERE NOT EXISTS (SELECT FROM "public".api_key_priority_mappings m WHERE m.id = t.mapping_id)) THEN DELETE FROM "public".api_key_priority_boosts t WHERE NOT EXISTS (SELECT FROM "public".api_key_priority_mappings m WHERE m.id = t.mapping_id); END IF;
  IF EXISTS (SELECT FROM "public".api_key_priority_schedules t WHERE NOT EXISTS (SELECT FROM "public".api_key_priority_mappings m WHERE m.id = t.mapping_id)) THEN DELETE FROM "public".api_key_priority_schedules t WHERE NOT EXISTS (SELECT FROM "public".api_key_priority_mappings m WHERE m.id = t.mapping_id); END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION public.tokligence_notify_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  PERFORM pg_catalog.pg_notify('tokligence_changes', TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME);
  RETURN NULL;
END $$;

CREATE FUNCTION public.tokligence_record_boost() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'boost', n.mapping_id::text, 'create', NULL::jsonb, to_jsonb(n), nullif(current_setting('tokligence.restores', true), '')::bigint FROM new_rows n;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'boost', coalesce(n.mapping_id::text, o.mapping_id::text), CASE WHEN o.mapping_id IS NULL THEN 'create' WHEN n.mapping_id IS NULL THEN 'delete' ELSE 'update' END, to_jsonb(o), to_jsonb(n), nullif(current_setting('tokligence.restores', true), '')::bigint
    FROM old_rows o FULL JOIN new_rows n ON o.mapping_id = n.mapping_id
    WHERE to_jsonb(o) - 'updated_at' IS DISTINCT FROM to_jsonb(n) - 'updated_at';
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'boost', o.mapping_id::text, 'delete', to_jsonb(o), NULL::jsonb, nullif(current_setting('tokligence.restores', true), '')::bigint FROM old_rows o;
  ELSE
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'boost', o.mapping_id::text, 'delete', to_jsonb(o), NULL::jsonb, nullif(current_setting('tokligence.restores', true), '')::bigint FROM "public".api_key_priority_boosts o;
  END IF;
  RETURN NULL;
END$$;

CREATE FUNCTION public.tokligence_record_mapping() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'mapping', n.id::text, 'create', NULL::jsonb, CASE WHEN n.match_type = 'exact' AND n.pattern NOT LIKE 'sha256:%'
    THEN to_jsonb(n) || jsonb_build_object('pattern', 'sha256:' || encode(sha256(convert_to(n.pattern, 'UTF8')), 'hex')) ELSE to_jsonb(n) END, nullif(current_setting('tokligence.restores', true), '')::bigint FROM new_rows n;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'mapping', coalesce(n.id::text, o.id::text), CASE WHEN o.id IS NULL THEN 'create' WHEN n.id IS NULL THEN 'delete' ELSE 'update' END, CASE WHEN o.match_type = 'exact' AND o.pattern NOT LIKE 'sha256:%'
    THEN to_jsonb(o) || jsonb_build_object('pattern', 'sha256:' || encode(sha256(convert_to(o.pattern, 'UTF8')), 'hex')) ELSE to_jsonb(o) END, CASE WHEN n.match_type = 'exact' AND n.pattern NOT LIKE 'sha256:%'
    THEN to_jsonb(n) || jsonb_build_object('pattern', 'sha256:' || encode(sha256(convert_to(n.pattern, 'UTF8')), 'hex')) ELSE to_jsonb(n) END, nullif(current_setting('tokligence.restores', true), '')::bigint
    FROM old_rows o FULL JOIN new_rows n ON o.id = n.id
    WHERE to_jsonb(o) - 'updated_at' IS DISTINCT FROM to_jsonb(n) - 'updated_at';
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'mapping', o.id::text, 'delete', CASE WHEN o.match_type = 'exact' AND o.pattern NOT LIKE 'sha256:%'
    THEN to_jsonb(o) || jsonb_build_object('pattern', 'sha256:' || encode(sha256(convert_to(o.pattern, 'UTF8')), 'hex')) ELSE to_jsonb(o) END, NULL::jsonb, nullif(current_setting('tokligence.restores', true), '')::bigint FROM old_rows o;
  ELSE
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'mapping', o.id::text, 'delete', CASE WHEN o.match_type = 'exact' AND o.pattern NOT LIKE 'sha256:%'
    THEN to_jsonb(o) || jsonb_build_object('pattern', 'sha256:' || encode(sha256(convert_to(o.pattern, 'UTF8')), 'hex')) ELSE to_jsonb(o) END, NULL::jsonb, nullif(current_setting('tokligence.restores', true), '')::bigint FROM "public".api_key_priority_mappings o;
  END IF;
  RETURN NULL;
END$$;

CREATE FUNCTION public.tokligence_record_pool_schedule() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'pool_schedule', n.id::text, 'create', NULL::jsonb, to_jsonb(n), nullif(current_setting('tokligence.restores', true), '')::bigint FROM new_rows n;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'pool_schedule', coalesce(n.id::text, o.id::text), CASE WHEN o.id IS NULL THEN 'create' WHEN n.id IS NULL THEN 'delete' ELSE 'update' END, to_jsonb(o), to_jsonb(n), nullif(current_setting('tokligence.restores', true), '')::bigint
    FROM old_rows o FULL JOIN new_rows n ON o.id = n.id
    WHERE to_jsonb(o) - 'updated_at' IS DISTINCT FROM to_jsonb(n) - 'updated_at';
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'pool_schedule', o.id::text, 'delete', to_jsonb(o), NULL::jsonb, nullif(current_setting('tokligence.restores', true), '')::bigint FROM old_rows o;
  ELSE
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'pool_schedule', o.id::text, 'delete', to_jsonb(o), NULL::jsonb, nullif(current_setting('tokligence.restores', true), '')::bigint FROM "public".scheduler_pool_schedules o;
  END IF;
  RETURN NULL;
END$$;

CREATE FUNCTION public.tokligence_record_pool_setting() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'pool_setting', n.pool::text || '/' || n.key::text, 'create', NULL::jsonb, to_jsonb(n), nullif(current_setting('tokligence.restores', true), '')::bigint FROM new_rows n;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'pool_setting', coalesce(n.pool::text || '/' || n.key::text, o.pool::text || '/' || o.key::text), CASE WHEN o.pool IS NULL THEN 'create' WHEN n.pool IS NULL THEN 'delete' ELSE 'update' END, to_jsonb(o), to_jsonb(n), nullif(current_setting('tokligence.restores', true), '')::bigint
    FROM old_rows o FULL JOIN new_rows n ON o.pool = n.pool AND o.key = n.key
    WHERE to_jsonb(o) - 'updated_at' IS DISTINCT FROM to_jsonb(n) - 'updated_at';
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'pool_setting', o.pool::text || '/' || o.key::text, 'delete', to_jsonb(o), NULL::jsonb, nullif(current_setting('tokligence.restores', true), '')::bigint FROM old_rows o;
  ELSE
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'pool_setting', o.pool::text || '/' || o.key::text, 'delete', to_jsonb(o), NULL::jsonb, nullif(current_setting('tokligence.restores', true), '')::bigint FROM "public".scheduler_pool_config o;
  END IF;
  RETURN NULL;
END$$;

CREATE FUNCTION public.tokligence_record_schedule() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'schedule', n.id::text, 'create', NULL::jsonb, to_jsonb(n), nullif(current_setting('tokligence.restores', true), '')::bigint FROM new_rows n;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'schedule', coalesce(n.id::text, o.id::text), CASE WHEN o.id IS NULL THEN 'create' WHEN n.id IS NULL THEN 'delete' ELSE 'update' END, to_jsonb(o), to_jsonb(n), nullif(current_setting('tokligence.restores', true), '')::bigint
    FROM old_rows o FULL JOIN new_rows n ON o.id = n.id
    WHERE to_jsonb(o) - 'updated_at' IS DISTINCT FROM to_jsonb(n) - 'updated_at';
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'schedule', o.id::text, 'delete', to_jsonb(o), NULL::jsonb, nullif(current_setting('tokligence.restores', true), '')::bigint FROM old_rows o;
  ELSE
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'schedule', o.id::text, 'delete', to_jsonb(o), NULL::jsonb, nullif(current_setting('tokligence.restores', true), '')::bigint FROM "public".api_key_priority_schedules o;
  END IF;
  RETURN NULL;
END$$;

CREATE FUNCTION public.tokligence_record_setting() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'setting', n.key::text, 'create', NULL::jsonb, to_jsonb(n), nullif(current_setting('tokligence.restores', true), '')::bigint FROM new_rows n;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'setting', coalesce(n.key::text, o.key::text), CASE WHEN o.key IS NULL THEN 'create' WHEN n.key IS NULL THEN 'delete' ELSE 'update' END, to_jsonb(o), to_jsonb(n), nullif(current_setting('tokligence.restores', true), '')::bigint
    FROM old_rows o FULL JOIN new_rows n ON o.key = n.key
    WHERE to_jsonb(o) - 'updated_at' IS DISTINCT FROM to_jsonb(n) - 'updated_at';
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'setting', o.key::text, 'delete', to_jsonb(o), NULL::jsonb, nullif(current_setting('tokligence.restores', true), '')::bigint FROM old_rows o;
  ELSE
    INSERT INTO "public".api_key_priority_history (actor, via, db_role, object, object_id, kind, before, after, restores) SELECT coalesce(nullif(current_setting('tokligence.actor', true), ''), session_user), CASE WHEN nullif(current_setting('tokligence.actor', true), '') IS NULL THEN 'sql' ELSE 'api' END, session_user, 'setting', o.key::text, 'delete', to_jsonb(o), NULL::jsonb, nullif(current_setting('tokligence.restores', true), '')::bigint FROM "public".api_key_priority_config o;
  END IF;
  RETURN NULL;
END$$;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.api_key_priority_boosts (
    mapping_id integer NOT NULL,
    priority integer NOT NULL,
    until timestamp with time zone NOT NULL,
    reason text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text,
    CONSTRAINT api_key_priority_boosts_priority_check CHECK (((priority >= 0) AND (priority <= 9)))
);

CREATE TABLE public.api_key_priority_config (
    key text NOT NULL,
    value text NOT NULL,
    description text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.api_key_priority_history (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    via text NOT NULL,
    db_role text NOT NULL,
    object text NOT NULL,
    object_id text NOT NULL,
    kind text NOT NULL,
    before jsonb,
    after jsonb,
    restores bigint
);

CREATE SEQUENCE public.api_key_priority_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.api_key_priority_history_id_seq OWNED BY public.api_key_priority_history.id;

CREATE TABLE public.api_key_priority_mappings (
    id integer NOT NULL,
    pattern text NOT NULL,
    priority integer NOT NULL,
    match_type text NOT NULL,
    tenant_id text,
    tenant_name text,
    tenant_type text,
    description text,
    enabled boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text,
    CONSTRAINT api_key_priority_mappings_match_type_check CHECK ((match_type = ANY (ARRAY['exact'::text, 'prefix'::text, 'suffix'::text, 'contains'::text, 'regex'::text]))),
    CONSTRAINT api_key_priority_mappings_priority_check CHECK (((priority >= 0) AND (priority <= 9)))
);

CREATE SEQUENCE public.api_key_priority_mappings_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.api_key_priority_mappings_id_seq OWNED BY public.api_key_priority_mappings.id;

CREATE TABLE public.api_key_priority_schedules (
    id integer NOT NULL,
    mapping_id integer NOT NULL,
    priority integer NOT NULL,
    weekdays text NOT NULL,
    start_time text NOT NULL,
    end_time text NOT NULL,
    zone text NOT NULL,
    description text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text,
    CONSTRAINT api_key_priority_schedules_priority_check CHECK (((priority >= 0) AND (priority <= 9)))
);

CREATE SEQUENCE public.api_key_priority_schedules_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.api_key_priority_schedules_id_seq OWNED BY public.api_key_priority_schedules.id;

CREATE TABLE public.api_keys (
    id integer NOT NULL,
    user_id integer NOT NULL,
    key_hash text NOT NULL,
    key_prefix text NOT NULL,
    scopes text,
    expires_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE SEQUENCE public.api_keys_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.api_keys_id_seq OWNED BY public.api_keys.id;

CREATE TABLE public.console_sessions (
    token_hash text NOT NULL,
    key_id bigint NOT NULL,
    user_id bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE public.scheduler_pool_config (
    pool text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    description text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.scheduler_pool_schedules (
    id integer NOT NULL,
    pool text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    weekdays text NOT NULL,
    start_time text NOT NULL,
    end_time text NOT NULL,
    zone text NOT NULL,
    description text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text
);

CREATE SEQUENCE public.scheduler_pool_schedules_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.scheduler_pool_schedules_id_seq OWNED BY public.scheduler_pool_schedules.id;

CREATE TABLE public.tokligence_migrations (
    version integer NOT NULL,
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.users (
    id integer NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    display_name text,
    status text DEFAULT 'active'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE SEQUENCE public.users_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;

ALTER TABLE ONLY public.api_key_priority_history ALTER COLUMN id SET DEFAULT nextval('public.api_key_priority_history_id_seq'::regclass);

ALTER TABLE ONLY public.api_key_priority_mappings ALTER COLUMN id SET DEFAULT nextval('public.api_key_priority_mappings_id_seq'::regclass);

ALTER TABLE ONLY public.api_key_priority_schedules ALTER COLUMN id SET DEFAULT nextval('public.api_key_priority_schedules_id_seq'::regclass);

ALTER TABLE ONLY public.api_keys ALTER COLUMN id SET DEFAULT nextval('public.api_keys_id_seq'::regclass);

ALTER TABLE ONLY public.scheduler_pool_schedules ALTER COLUMN id SET DEFAULT nextval('public.scheduler_pool_schedules_id_seq'::regclass);

ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);

INSERT INTO public.api_key_priority_config VALUES ('x_priority', 'internal', NULL, '2026-11-30 16:36:07.308394+00');
INSERT INTO public.api_key_priority_config VALUES ('default_priority', '8', NULL, '2026-11-30 16:36:07.308394+00');

INSERT INTO public.api_key_priority_history VALUES (1, '2026-11-30 16:36:07.159748+00', 'admin@local', 'api', 'gw', 'pool_setting', 'local/policy', 'create', NULL, '{"key": "policy", "pool": "local", "value": "wfq", "updated_at": "2026-11-30T16:36:07.15+00:00", "description": null}', NULL);
INSERT INTO public.api_key_priority_history VALUES (2, '2026-11-30 16:36:07.167876+00', 'admin@local', 'api', 'gw', 'pool_setting', 'local/reserved', 'create', NULL, '{"key": "reserved", "pool": "local", "value": "1,0,0,0,0,0,0,0,0,0", "updated_at": "2026-11-30T16:36:07.15+00:00", "description": null}', NULL);
INSERT INTO public.api_key_priority_history VALUES (3, '2026-11-30 16:36:07.211403+00', 'admin@local', 'api', 'gw', 'mapping', '1', 'create', NULL, '{"id": 1, "enabled": true, "pattern": "tok_prod_*", "priority": 2, "tenant_id": "dept-prod", "created_at": "2026-11-30T16:36:07.197825+00:00", "created_by": "admin@local", "match_type": "prefix", "updated_at": "2026-11-30T16:36:07.197825+00:00", "description": "live", "tenant_name": "Production", "tenant_type": "internal"}', NULL);
INSERT INTO public.api_key_priority_history VALUES (4, '2026-11-30 16:36:07.263585+00', 'admin@local', 'api', 'gw', 'mapping', '2', 'create', NULL, '{"id": 2, "enabled": false, "pattern": "^tok_x[0-9]+", "priority": 5, "tenant_id": "x", "created_at": "2026-11-30T16:36:07.260865+00:00", "created_by": "admin@local", "match_type": "regex", "updated_at": "2026-11-30T16:36:07.260865+00:00", "description": null, "tenant_name": null, "tenant_type": null}', NULL);
INSERT INTO public.api_key_priority_history VALUES (5, '2026-11-30 16:36:07.311201+00', 'admin@local', 'api', 'gw', 'setting', 'x_priority', 'create', NULL, '{"key": "x_priority", "value": "internal", "updated_at": "2026-11-30T16:36:07.308394+00:00", "description": null}', NULL);
INSERT INTO public.api_key_priority_history VALUES (6, '2026-11-30 16:36:07.314144+00', 'admin@local', 'api', 'gw', 'setting', 'default_priority', 'create', NULL, '{"key": "default_priority", "value": "8", "updated_at": "2026-11-30T16:36:07.308394+00:00", "description": null}', NULL);
INSERT INTO public.api_key_priority_history VALUES (7, '2026-11-30 16:36:07.497216+00', 'admin@local', 'api', 'gw', 'schedule', '1', 'create', NULL, '{"id": 1, "zone": "Europe/Berlin", "end_time": "06:00", "priority": 4, "weekdays": "mon,tue", "created_at": "2026-11-30T16:36:07.479351+00:00", "created_by": "admin@local", "mapping_id": 2, "start_time": "22:00", "updated_at": "2026-11-30T16:36:07.479351+00:00", "description": null}', NULL);

INSERT INTO public.api_key_priority_mappings VALUES (1, 'tok_prod_*', 2, 'prefix', 'dept-prod', 'Production', 'internal', 'live', true, '2026-11-30 16:36:07.197825+00', '2026-11-30 16:36:07.197825+00', 'admin@local');
INSERT INTO public.api_key_priority_mappings VALUES (2, '^tok_x[0-9]+', 5, 'regex', 'x', NULL, NULL, NULL, false, '2026-11-30 16:36:07.260865+00', '2026-11-30 16:36:07.260865+00', 'admin@local');

INSERT INTO public.api_key_priority_schedules VALUES (1, 2, 4, 'mon,tue', '22:00', '06:00', 'Europe/Berlin', NULL, '2026-11-30 16:36:07.479351+00', '2026-11-30 16:36:07.479351+00', 'admin@local');

INSERT INTO public.api_keys VALUES (1, 1, 'e582689dbcafbc4a92ed6d4ccb58514dbd93e7ddbc21c3df5ccbea5b05361958', 'tok_', NULL, NULL, '2026-11-30 16:36:06.392501+00', '2026-11-30 16:36:06.392501+00');
INSERT INTO public.api_keys VALUES (2, 2, 'cb1232725f44e5f537bac262fa71d4bac0d5e448bf15ccb5b116aa447821a18d', 'tok_prod_vRn', '["a","b"]', NULL, '2026-11-30 16:36:07.035845+00', '2026-11-30 16:36:07.035845+00');
INSERT INTO public.api_keys VALUES (3, 2, '75477433e7361e8b87e08bef785a6b13f8edb9ca22552674b7ff777c9bff8be3', 'tok_l4bFHOby', NULL, '2099-01-01 00:00:00+00', '2026-11-30 16:36:07.115844+00', '2026-11-30 16:36:07.115844+00');

INSERT INTO public.scheduler_pool_config VALUES ('local', 'policy', 'wfq', NULL, '2026-11-30 16:36:07.15+00');
INSERT INTO public.scheduler_pool_config VALUES ('local', 'reserved', '1,0,0,0,0,0,0,0,0,0', NULL, '2026-11-30 16:36:07.15+00');

INSERT INTO public.tokligence_migrations VALUES (1, 'users, keys, mappings and their settings', '2026-11-30 16:36:05.820751+00');
INSERT INTO public.tokligence_migrations VALUES (2, 'settings of pools', '2026-11-30 16:36:05.820751+00');
INSERT INTO public.tokligence_migrations VALUES (3, 'boosts and schedules', '2026-11-30 16:36:05.820751+00');
INSERT INTO public.tokligence_migrations VALUES (4, 'history', '2026-11-30 16:36:05.820751+00');
INSERT INTO public.tokligence_migrations VALUES (5, 'sessions of the console', '2026-11-30 16:36:05.820751+00');

INSERT INTO public.users VALUES (1, 'admin@local', 'root_admin', NULL, 'active', '2026-11-30 16:36:06.392501+00', '2026-11-30 16:36:06.392501+00');
INSERT INTO public.users VALUES (2, 'ann@example.com', 'gateway_user', 'Ann', 'active', '2026-11-30 16:36:07.011718+00', '2026-11-30 16:36:07.011718+00');

SELECT pg_catalog.setval('public.api_key_priority_history_id_seq', 7, true);

SELECT pg_catalog.setval('public.api_key_priority_mappings_id_seq', 2, true);

SELECT pg_catalog.setval('public.api_key_priority_schedules_id_seq', 1, true);

SELECT pg_catalog.setval('public.api_keys_id_seq', 3, true);

SELECT pg_catalog.setval('public.scheduler_pool_schedules_id_seq', 1, false);

SELECT pg_catalog.setval('public.users_id_seq', 2, true);

ALTER TABLE ONLY public.api_key_priority_boosts
    ADD CONSTRAINT api_key_priority_boosts_pkey PRIMARY KEY (mapping_id);

ALTER TABLE ONLY public.api_key_priority_config
    ADD CONSTRAINT api_key_priority_config_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.api_key_priority_history
    ADD CONSTRAINT api_key_priority_history_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_key_priority_mappings
    ADD CONSTRAINT api_key_priority_mappings_pattern_key UNIQUE (pattern);

ALTER TABLE ONLY public.api_key_priority_mappings
    ADD CONSTRAINT api_key_priority_mappings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_key_priority_schedules
    ADD CONSTRAINT api_key_priority_schedules_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.console_sessions
    ADD CONSTRAINT console_sessions_pkey PRIMARY KEY (token_hash);

ALTER TABLE ONLY public.scheduler_pool_config
    ADD CONSTRAINT scheduler_pool_config_pkey PRIMARY KEY (pool, key);

ALTER TABLE ONLY public.scheduler_pool_schedules
    ADD CONSTRAINT scheduler_pool_schedules_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tokligence_migrations
    ADD CONSTRAINT tokligence_migrations_pkey PRIMARY KEY (version);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX idx_api_key_priority_history_object ON public.api_key_priority_history USING btree (object, object_id, id);

CREATE INDEX idx_api_key_priority_mappings_pattern ON public.api_key_priority_mappings USING btree (pattern);

CREATE INDEX idx_api_key_priority_mappings_priority ON public.api_key_priority_mappings USING btree (priority);

CREATE INDEX idx_api_key_priority_mappings_tenant_id ON public.api_key_priority_mappings USING btree (tenant_id);

CREATE INDEX idx_api_key_priority_schedules_mapping ON public.api_key_priority_schedules USING btree (mapping_id);

CREATE INDEX idx_api_keys_prefix ON public.api_keys USING btree (key_prefix);

CREATE INDEX idx_api_keys_user ON public.api_keys USING btree (user_id);

CREATE INDEX idx_console_sessions_user ON public.console_sessions USING btree (user_id);

CREATE INDEX idx_scheduler_pool_schedules_pool ON public.scheduler_pool_schedules USING btree (pool);

CREATE INDEX idx_users_role ON public.users USING btree (role);

CREATE TRIGGER tokligence_changes AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.api_key_priority_boosts FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.api_key_priority_boosts ENABLE ALWAYS TRIGGER tokligence_changes;

CREATE TRIGGER tokligence_changes AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.api_key_priority_config FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.api_key_priority_config ENABLE ALWAYS TRIGGER tokligence_changes;

CREATE TRIGGER tokligence_changes AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.api_key_priority_mappings FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.api_key_priority_mappings ENABLE ALWAYS TRIGGER tokligence_changes;

CREATE TRIGGER tokligence_changes AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.api_key_priority_schedules FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.api_key_priority_schedules ENABLE ALWAYS TRIGGER tokligence_changes;

CREATE TRIGGER tokligence_changes AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.api_keys FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.api_keys ENABLE ALWAYS TRIGGER tokligence_changes;

CREATE TRIGGER tokligence_changes AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.console_sessions FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.console_sessions ENABLE ALWAYS TRIGGER tokligence_changes;

CREATE TRIGGER tokligence_changes AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.scheduler_pool_config FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.scheduler_pool_config ENABLE ALWAYS TRIGGER tokligence_changes;

CREATE TRIGGER tokligence_changes AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.scheduler_pool_schedules FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.scheduler_pool_schedules ENABLE ALWAYS TRIGGER tokligence_changes;

CREATE TRIGGER tokligence_changes AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON public.users FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.users ENABLE ALWAYS TRIGGER tokligence_changes;

CREATE TRIGGER tokligence_changes_replicated AFTER INSERT OR DELETE OR UPDATE ON public.api_key_priority_boosts FOR EACH ROW EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.api_key_priority_boosts ENABLE REPLICA TRIGGER tokligence_changes_replicated;

CREATE TRIGGER tokligence_changes_replicated AFTER INSERT OR DELETE OR UPDATE ON public.api_key_priority_config FOR EACH ROW EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.api_key_priority_config ENABLE REPLICA TRIGGER tokligence_changes_replicated;

CREATE TRIGGER tokligence_changes_replicated AFTER INSERT OR DELETE OR UPDATE ON public.api_key_priority_mappings FOR EACH ROW EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.api_key_priority_mappings ENABLE REPLICA TRIGGER tokligence_changes_replicated;

CREATE TRIGGER tokligence_changes_replicated AFTER INSERT OR DELETE OR UPDATE ON public.api_key_priority_schedules FOR EACH ROW EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.api_key_priority_schedules ENABLE REPLICA TRIGGER tokligence_changes_replicated;

CREATE TRIGGER tokligence_changes_replicated AFTER INSERT OR DELETE OR UPDATE ON public.api_keys FOR EACH ROW EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.api_keys ENABLE REPLICA TRIGGER tokligence_changes_replicated;

CREATE TRIGGER tokligence_changes_replicated AFTER INSERT OR DELETE OR UPDATE ON public.console_sessions FOR EACH ROW EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.console_sessions ENABLE REPLICA TRIGGER tokligence_changes_replicated;

CREATE TRIGGER tokligence_changes_replicated AFTER INSERT OR DELETE OR UPDATE ON public.scheduler_pool_config FOR EACH ROW EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.scheduler_pool_config ENABLE REPLICA TRIGGER tokligence_changes_replicated;

CREATE TRIGGER tokligence_changes_replicated AFTER INSERT OR DELETE OR UPDATE ON public.scheduler_pool_schedules FOR EACH ROW EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.scheduler_pool_schedules ENABLE REPLICA TRIGGER tokligence_changes_replicated;

CREATE TRIGGER tokligence_changes_replicated AFTER INSERT OR DELETE OR UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.tokligence_notify_change();

ALTER TABLE public.users ENABLE REPLICA TRIGGER tokligence_changes_replicated;

CREATE TRIGGER tokligence_end_timings AFTER DELETE OR TRUNCATE ON public.api_key_priority_mappings FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_end_timings();

CREATE TRIGGER tokligence_history_delete AFTER DELETE ON public.api_key_priority_boosts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_boost();

CREATE TRIGGER tokligence_history_delete AFTER DELETE ON public.api_key_priority_config REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_setting();

CREATE TRIGGER tokligence_history_delete AFTER DELETE ON public.api_key_priority_mappings REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_mapping();

CREATE TRIGGER tokligence_history_delete AFTER DELETE ON public.api_key_priority_schedules REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_schedule();

CREATE TRIGGER tokligence_history_delete AFTER DELETE ON public.scheduler_pool_config REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_pool_setting();

CREATE TRIGGER tokligence_history_delete AFTER DELETE ON public.scheduler_pool_schedules REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_pool_schedule();

CREATE TRIGGER tokligence_history_insert AFTER INSERT ON public.api_key_priority_boosts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_boost();

CREATE TRIGGER tokligence_history_insert AFTER INSERT ON public.api_key_priority_config REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_setting();

CREATE TRIGGER tokligence_history_insert AFTER INSERT ON public.api_key_priority_mappings REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_mapping();

CREATE TRIGGER tokligence_history_insert AFTER INSERT ON public.api_key_priority_schedules REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_schedule();

CREATE TRIGGER tokligence_history_insert AFTER INSERT ON public.scheduler_pool_config REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_pool_setting();

CREATE TRIGGER tokligence_history_insert AFTER INSERT ON public.scheduler_pool_schedules REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_pool_schedule();

CREATE TRIGGER tokligence_history_truncate BEFORE TRUNCATE ON public.api_key_priority_boosts FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_boost();

CREATE TRIGGER tokligence_history_truncate BEFORE TRUNCATE ON public.api_key_priority_config FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_setting();

CREATE TRIGGER tokligence_history_truncate BEFORE TRUNCATE ON public.api_key_priority_mappings FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_mapping();

CREATE TRIGGER tokligence_history_truncate BEFORE TRUNCATE ON public.api_key_priority_schedules FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_schedule();

CREATE TRIGGER tokligence_history_truncate BEFORE TRUNCATE ON public.scheduler_pool_config FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_pool_setting();

CREATE TRIGGER tokligence_history_truncate BEFORE TRUNCATE ON public.scheduler_pool_schedules FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_pool_schedule();

CREATE TRIGGER tokligence_history_update AFTER UPDATE ON public.api_key_priority_boosts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_boost();

CREATE TRIGGER tokligence_history_update AFTER UPDATE ON public.api_key_priority_config REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_setting();

CREATE TRIGGER tokligence_history_update AFTER UPDATE ON public.api_key_priority_mappings REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_mapping();

CREATE TRIGGER tokligence_history_update AFTER UPDATE ON public.api_key_priority_schedules REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_schedule();

CREATE TRIGGER tokligence_history_update AFTER UPDATE ON public.scheduler_pool_config REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_pool_setting();

CREATE TRIGGER tokligence_history_update AFTER UPDATE ON public.scheduler_pool_schedules REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.tokligence_record_pool_schedule();

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

