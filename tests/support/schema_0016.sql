-- A small database of version 0016, the oldest that is upgraded from: pg_dump --column-inserts --no-owner.
CREATE SCHEMA app;
CREATE SCHEMA queue;
CREATE SCHEMA vault;
CREATE TYPE queue.pgqueuer_status AS ENUM (
    'queued',
    'picked',
    'successful',
    'exception',
    'canceled',
    'deleted',
    'failed'
);
CREATE FUNCTION app.add_owner_as_member() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        BEGIN
            INSERT INTO app.device_members (device_id, user_id, says_name, says_titles, joined_at)
            VALUES (NEW.id, NEW.user_id, false, true, NEW.created_at);
            RETURN NULL;
        END
    $$;
CREATE FUNCTION app.increment_events_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        BEGIN
            UPDATE app.calendars SET events_version = events_version + 1
                WHERE id IN (SELECT calendar_id FROM changed);
            RETURN NULL;
        END
    $$;
CREATE FUNCTION app.notify_device_gone() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        BEGIN
            PERFORM pg_notify('catflap_changed', 'device:' || OLD.id);
            RETURN NULL;
        END
    $$;
CREATE FUNCTION app.notify_device_of_member() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        BEGIN
            UPDATE app.devices SET schedule_version = schedule_version + 1
            WHERE id = OLD.device_id AND user_id <> OLD.user_id;
            IF FOUND THEN
                PERFORM pg_notify('catflap_changed', 'device:' || OLD.device_id);
            END IF;
            RETURN NULL;
        END
    $$;
CREATE FUNCTION queue.fn_pgqueuer_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    to_emit BOOLEAN := false;  -- Flag to decide whether to emit a notification
BEGIN
    -- Check operation type and set the emit flag accordingly
    IF TG_OP = 'UPDATE' AND OLD IS DISTINCT FROM NEW THEN
        to_emit := true;
    ELSIF TG_OP = 'DELETE' THEN
        to_emit := true;
    ELSIF TG_OP = 'INSERT' THEN
        to_emit := true;
    ELSIF TG_OP = 'TRUNCATE' THEN
        to_emit := true;
    END IF;
    -- Perform notification if the emit flag is set
    IF to_emit THEN
        PERFORM pg_notify(
            'ch_pgqueuer',
            json_build_object(
                'channel', 'ch_pgqueuer',
                'operation', lower(TG_OP),
                'sent_at', NOW(),
                'table', TG_TABLE_NAME,
                'type', 'table_changed_event'
            )::text
        );
    END IF;
    -- Return appropriate value based on the operation
    IF TG_OP IN ('INSERT', 'UPDATE') THEN
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSE
        RETURN NULL; -- For TRUNCATE and other non-row-specific contexts
    END IF;
END;
$$;
CREATE TABLE app.accounts (
    user_id bigint NOT NULL,
    sub text NOT NULL,
    signs_in boolean DEFAULT false NOT NULL,
    asked_scopes text[] DEFAULT '{}'::text[] NOT NULL,
    email text NOT NULL,
    email_verified boolean NOT NULL,
    name text,
    given_name text,
    family_name text,
    picture text,
    locale text,
    hosted_domain text,
    is_primary boolean NOT NULL,
    disabled_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);
CREATE TABLE app.announcements (
    id text NOT NULL,
    user_id bigint NOT NULL,
    device_id bigint NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    play_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    titles text[] NOT NULL,
    event_start text NOT NULL,
    dialect text NOT NULL,
    display text NOT NULL,
    spoken text NOT NULL,
    sound_key text NOT NULL,
    detail text,
    updated_at timestamp with time zone NOT NULL,
    wording text DEFAULT ''::text NOT NULL,
    occurrences text[] DEFAULT '{}'::text[] NOT NULL,
    held_for text
);
CREATE TABLE app.audit (
    id bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    action text NOT NULL,
    outcome text NOT NULL,
    key_id bigint,
    user_id bigint,
    account_sub text,
    detail text
);
ALTER TABLE app.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE app.calendar_changes (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    account_sub text NOT NULL,
    calendar text NOT NULL,
    reason text NOT NULL,
    event_ids text[] NOT NULL,
    is_complete boolean NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE app.calendar_changes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app.calendar_changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE app.calendar_syncs (
    user_id bigint NOT NULL,
    account_sub text NOT NULL,
    listed_at timestamp with time zone,
    due_at timestamp with time zone CONSTRAINT calendar_syncs_waits_from_not_null NOT NULL,
    retry_at timestamp with time zone,
    failures integer NOT NULL,
    problem text,
    problem_since timestamp with time zone,
    time_zone text,
    list_sync_token text,
    list_due_at timestamp with time zone NOT NULL,
    is_list_notified boolean DEFAULT false NOT NULL
);
CREATE TABLE app.calendars (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    account_sub text NOT NULL,
    google_id text NOT NULL,
    summary text NOT NULL,
    time_zone text NOT NULL,
    is_primary boolean NOT NULL,
    is_selected boolean NOT NULL,
    sync_token text,
    synced_at timestamp with time zone,
    default_reminders integer[] DEFAULT '{}'::integer[] NOT NULL,
    problem text,
    problem_since timestamp with time zone,
    events_version bigint DEFAULT 0 NOT NULL,
    access_role text DEFAULT ''::text NOT NULL,
    background_color text,
    foreground_color text,
    is_selected_at_google boolean DEFAULT false NOT NULL,
    is_selected_by_user boolean,
    generation bigint DEFAULT 0 NOT NULL,
    page_token text,
    page_time_min timestamp with time zone,
    sync_due_at timestamp with time zone NOT NULL,
    is_notified boolean DEFAULT false NOT NULL,
    changed_at timestamp with time zone,
    push_refused_until timestamp with time zone,
    reminder_minutes integer[],
    says_titles boolean DEFAULT true NOT NULL,
    ignores_quiet boolean DEFAULT false NOT NULL
);
ALTER TABLE app.calendars ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app.calendars_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE app.consents (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    ticket_hash bytea NOT NULL,
    purpose text NOT NULL,
    scopes text[] NOT NULL,
    account_sub text,
    return_to text NOT NULL,
    state text NOT NULL,
    sealed_answer text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    select_account boolean DEFAULT false NOT NULL
);
ALTER TABLE app.consents ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app.consents_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE app.device_invitations (
    code_hash bytea NOT NULL,
    device_id bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
CREATE TABLE app.device_members (
    device_id bigint NOT NULL,
    user_id bigint NOT NULL,
    says_name boolean NOT NULL,
    says_titles boolean NOT NULL,
    joined_at timestamp with time zone NOT NULL
);
CREATE TABLE app.devices (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    name text NOT NULL,
    model text NOT NULL,
    token_hash bytea NOT NULL,
    volume integer NOT NULL,
    muted_until timestamp with time zone,
    schedule_version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone,
    session_id bigint,
    audio text DEFAULT 'wav-16000'::text NOT NULL,
    channel text DEFAULT 'https'::text NOT NULL,
    room text DEFAULT ''::text NOT NULL,
    entity text,
    quiet_from time without time zone,
    quiet_until time without time zone,
    quiet_zone text,
    rest_entity text,
    sets_volume boolean DEFAULT false NOT NULL
);
ALTER TABLE app.devices ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app.devices_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE app.encoded_sounds (
    key text NOT NULL,
    audio text NOT NULL,
    content bytea NOT NULL,
    sha256 text NOT NULL,
    bytes integer NOT NULL
);
CREATE TABLE app.events (
    calendar_id bigint NOT NULL,
    google_id text NOT NULL,
    recurring_event_id text,
    recurs boolean NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    resource jsonb NOT NULL,
    generation bigint NOT NULL
);
CREATE TABLE app.limit_counts (
    name text NOT NULL,
    key_hash bytea NOT NULL,
    count integer NOT NULL,
    ends_at timestamp with time zone NOT NULL
);
CREATE TABLE app.occurrence_changes (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    calendar_id bigint NOT NULL,
    change text NOT NULL,
    instance text NOT NULL,
    title text NOT NULL,
    is_private boolean NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    moved_to timestamp with time zone,
    noticed_at timestamp with time zone NOT NULL
);
ALTER TABLE app.occurrence_changes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app.occurrence_changes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE app.pairings (
    handle_hash bytea NOT NULL,
    token_hash bytea NOT NULL,
    model text NOT NULL,
    device_id bigint,
    expires_at timestamp with time zone NOT NULL,
    audio text DEFAULT 'wav-16000'::text NOT NULL,
    channel text DEFAULT 'https'::text NOT NULL,
    code_hash bytea,
    address text DEFAULT ''::text NOT NULL
);
CREATE TABLE app.plans (
    user_id bigint NOT NULL,
    inputs text NOT NULL,
    planned_at timestamp with time zone NOT NULL,
    valid_until timestamp with time zone NOT NULL,
    occurrences jsonb DEFAULT '[]'::jsonb NOT NULL
);
CREATE TABLE app.preferences (
    user_id bigint NOT NULL,
    zone text,
    reminder_minutes integer[] NOT NULL,
    briefing_at time without time zone,
    dialect_ja text NOT NULL,
    dialect_en text NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    reminders_from text DEFAULT 'preferences'::text NOT NULL,
    tentative text DEFAULT 'maybe'::text NOT NULL,
    event_types text[] DEFAULT '{}'::text[] NOT NULL,
    evening_at time without time zone,
    all_day_at time without time zone DEFAULT '09:00:00'::time without time zone,
    countdown_minutes integer[] DEFAULT '{}'::integer[] NOT NULL,
    repeat_minutes integer,
    places jsonb DEFAULT '[]'::jsonb NOT NULL,
    quiet_from time without time zone,
    quiet_until time without time zone,
    quiet_word text DEFAULT ''::text NOT NULL,
    in_meetings text DEFAULT 'reminders'::text NOT NULL,
    talkativeness text DEFAULT 'normal'::text NOT NULL,
    says_private_titles boolean DEFAULT false NOT NULL,
    says_moved boolean DEFAULT true NOT NULL,
    says_cancelled boolean DEFAULT false NOT NULL
);
CREATE TABLE app.push_channels (
    id text NOT NULL,
    user_id bigint NOT NULL,
    account_sub text NOT NULL,
    calendar_id bigint,
    is_list boolean NOT NULL,
    address text NOT NULL,
    token_hash bytea NOT NULL,
    resource_id text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    notified_at timestamp with time zone,
    missed_at timestamp with time zone
);
CREATE TABLE app.reactions (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    action text NOT NULL,
    occurrence text NOT NULL,
    at timestamp with time zone NOT NULL,
    play_at timestamp with time zone
);
ALTER TABLE app.reactions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app.reactions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE app.readings (
    user_id bigint NOT NULL,
    word text NOT NULL,
    reading text NOT NULL
);
CREATE TABLE app.removed_calendars (
    user_id bigint NOT NULL,
    account_sub text NOT NULL,
    google_id text NOT NULL,
    summary text NOT NULL,
    removed_at timestamp with time zone NOT NULL
);
CREATE TABLE app.request_budgets (
    window_at timestamp with time zone NOT NULL,
    used integer NOT NULL,
    polled integer NOT NULL,
    refused integer NOT NULL
);
CREATE TABLE app.risc_events (
    jti text NOT NULL,
    events jsonb NOT NULL,
    received_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone
);
CREATE TABLE app.schema_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE app.seldom_tasks (
    name text NOT NULL,
    due_at timestamp with time zone NOT NULL
);
CREATE TABLE app.sessions (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    kind text NOT NULL,
    token_hash bytea NOT NULL,
    user_agent text,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
ALTER TABLE app.sessions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app.sessions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE app.signin_attempts (
    state_hash bytea NOT NULL,
    browser_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    next text NOT NULL,
    purpose text NOT NULL,
    user_id bigint,
    account_sub text,
    consent_id bigint,
    forced boolean NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    session_id bigint,
    used_at timestamp with time zone
);
CREATE TABLE app.signing_keys (
    name text NOT NULL,
    key bytea NOT NULL
);
CREATE TABLE app.sounds (
    key text NOT NULL,
    wav bytea NOT NULL,
    sha256 text NOT NULL,
    bytes integer NOT NULL,
    seconds double precision NOT NULL,
    used_at timestamp with time zone CONSTRAINT sounds_created_at_not_null NOT NULL,
    render_again_at timestamp with time zone
);
CREATE TABLE app.users (
    id bigint NOT NULL,
    external_id text,
    created_at timestamp with time zone NOT NULL,
    browser_zone text,
    plan_due_at timestamp with time zone,
    muted_at timestamp with time zone,
    muted_until timestamp with time zone
);
ALTER TABLE app.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME app.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE queue.pgqueuer (
    id bigint NOT NULL,
    priority integer NOT NULL,
    queue_manager_id uuid,
    created timestamp with time zone DEFAULT now() NOT NULL,
    updated timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat timestamp with time zone DEFAULT now() NOT NULL,
    execute_after timestamp with time zone DEFAULT now() NOT NULL,
    status queue.pgqueuer_status NOT NULL,
    entrypoint text NOT NULL,
    dedupe_key text,
    payload bytea,
    headers jsonb,
    attempts integer DEFAULT 0 NOT NULL,
    slot bigint
);
CREATE SEQUENCE queue.pgqueuer_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE queue.pgqueuer_id_seq OWNED BY queue.pgqueuer.id;
CREATE TABLE queue.pgqueuer_log (
    id bigint NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    job_id bigint NOT NULL,
    status queue.pgqueuer_status NOT NULL,
    priority integer NOT NULL,
    entrypoint text NOT NULL,
    traceback jsonb,
    aggregated boolean DEFAULT false
);
ALTER TABLE queue.pgqueuer_log ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME queue.pgqueuer_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE queue.pgqueuer_schedules (
    id bigint NOT NULL,
    expression text NOT NULL,
    entrypoint text NOT NULL,
    heartbeat timestamp with time zone DEFAULT now() NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    updated timestamp with time zone DEFAULT now() NOT NULL,
    next_run timestamp with time zone DEFAULT now() NOT NULL,
    last_run timestamp with time zone,
    status queue.pgqueuer_status DEFAULT 'queued'::queue.pgqueuer_status
);
CREATE SEQUENCE queue.pgqueuer_schedules_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE queue.pgqueuer_schedules_id_seq OWNED BY queue.pgqueuer_schedules.id;
CREATE TABLE queue.pgqueuer_statistics (
    id bigint NOT NULL,
    created timestamp with time zone DEFAULT date_trunc('sec'::text, now()) NOT NULL,
    count bigint NOT NULL,
    priority integer NOT NULL,
    status queue.pgqueuer_status NOT NULL,
    entrypoint text NOT NULL
);
CREATE SEQUENCE queue.pgqueuer_statistics_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE queue.pgqueuer_statistics_id_seq OWNED BY queue.pgqueuer_statistics.id;
CREATE TABLE vault.api_keys (
    id bigint NOT NULL,
    name text NOT NULL,
    token_hash bytea NOT NULL,
    rights text[] NOT NULL,
    user_ids bigint[],
    scopes text[],
    per_minute integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone
);
ALTER TABLE vault.api_keys ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME vault.api_keys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE vault.google_tokens (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    account_sub text NOT NULL,
    client_id text NOT NULL,
    refresh_token bytea,
    access_token bytea,
    expires_at timestamp with time zone,
    scopes text[] NOT NULL,
    state text NOT NULL,
    reason text,
    ended_at timestamp with time zone,
    version bigint NOT NULL,
    lease_id text,
    lease_until timestamp with time zone,
    failures integer NOT NULL,
    refreshed_at timestamp with time zone,
    used_at timestamp with time zone,
    refresh_expires_at timestamp with time zone,
    token_prefix_hash bytea,
    token_hash bytea,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    supplements bigint
);
ALTER TABLE vault.google_tokens ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME vault.google_tokens_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE vault.seldom_tasks (
    name text NOT NULL,
    due_at timestamp with time zone NOT NULL
);
CREATE TABLE vault.webhook_deliveries (
    id text NOT NULL,
    webhook_id bigint NOT NULL,
    event text NOT NULL,
    payload jsonb NOT NULL,
    attempts integer NOT NULL,
    outcome text,
    created_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    done_at timestamp with time zone,
    subject text
);
CREATE TABLE vault.webhooks (
    id bigint NOT NULL,
    url text NOT NULL,
    secret bytea NOT NULL,
    events text[] NOT NULL,
    created_at timestamp with time zone NOT NULL
);
ALTER TABLE vault.webhooks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME vault.webhooks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY queue.pgqueuer ALTER COLUMN id SET DEFAULT nextval('queue.pgqueuer_id_seq'::regclass);
ALTER TABLE ONLY queue.pgqueuer_schedules ALTER COLUMN id SET DEFAULT nextval('queue.pgqueuer_schedules_id_seq'::regclass);
ALTER TABLE ONLY queue.pgqueuer_statistics ALTER COLUMN id SET DEFAULT nextval('queue.pgqueuer_statistics_id_seq'::regclass);
INSERT INTO app.accounts (user_id, sub, signs_in, asked_scopes, email, email_verified, name, given_name, family_name, picture, locale, hosted_domain, is_primary, disabled_at, created_at, updated_at) VALUES (1, '1', true, '{openid,email}', 'alice@example.com', true, 'Alice', NULL, NULL, NULL, NULL, NULL, true, NULL, '2026-03-01 00:00:00+00', '2026-03-01 00:00:00+00');
INSERT INTO app.announcements (id, user_id, device_id, key, kind, state, play_at, expires_at, titles, event_start, dialect, display, spoken, sound_key, detail, updated_at, wording, occurrences, held_for) VALUES ('a1', 1, 1, 'k', 'reminder', 'played', '2026-03-05 09:30:00+00', '2026-03-05 09:40:00+00', '{Dentist}', '', 'kyoto', '', '', 's', NULL, '2026-03-01 00:00:00+00', '', '{}', NULL);
INSERT INTO app.calendars (id, user_id, account_sub, google_id, summary, time_zone, is_primary, is_selected, sync_token, synced_at, default_reminders, problem, problem_since, events_version, access_role, background_color, foreground_color, is_selected_at_google, is_selected_by_user, generation, page_token, page_time_min, sync_due_at, is_notified, changed_at, push_refused_until, reminder_minutes, says_titles, ignores_quiet) OVERRIDING SYSTEM VALUE VALUES (1, 1, '1', 'alice@example.com', 'Mine', 'Asia/Tokyo', true, true, 'token', '2026-03-01 00:00:00+00', '{}', NULL, NULL, 1, '', NULL, NULL, false, NULL, 0, NULL, NULL, '2126-03-01 00:00:00+00', false, NULL, NULL, NULL, true, false);
INSERT INTO app.device_members (device_id, user_id, says_name, says_titles, joined_at) VALUES (1, 1, false, true, '2026-03-01 00:00:00+00');
INSERT INTO app.devices (id, user_id, name, model, token_hash, volume, muted_until, schedule_version, created_at, last_seen_at, session_id, audio, channel, room, entity, quiet_from, quiet_until, quiet_zone, rest_entity, sets_volume) OVERRIDING SYSTEM VALUE VALUES (1, 1, 'Mia in the kitchen', 'robot', '\x82c43a0bf0b56fcb9c1359e14461608dcaf73a5ede894d64af788fe3381d6ea3', 60, NULL, 3, '2026-03-01 00:00:00+00', NULL, NULL, 'wav-16000', 'https', '', NULL, NULL, NULL, NULL, NULL, false);
INSERT INTO app.events (calendar_id, google_id, recurring_event_id, recurs, starts_at, ends_at, resource, generation) VALUES (1, 'e', NULL, false, '2026-03-05 10:00:00+00', '2026-03-05 11:00:00+00', '{"id": "e", "summary": "Dentist"}', 0);
INSERT INTO app.preferences (user_id, zone, reminder_minutes, briefing_at, dialect_ja, dialect_en, updated_at, reminders_from, tentative, event_types, evening_at, all_day_at, countdown_minutes, repeat_minutes, places, quiet_from, quiet_until, quiet_word, in_meetings, talkativeness, says_private_titles, says_moved, says_cancelled) VALUES (1, 'Asia/Tokyo', '{30}', '07:00:00', 'kyoto', 'plain', '2026-03-01 00:00:00+00', 'preferences', 'maybe', '{}', NULL, '09:00:00', '{}', NULL, '[]', NULL, NULL, '', 'reminders', 'normal', false, true, false);
INSERT INTO app.risc_events (jti, events, received_at, done_at) VALUES ('j', '[{"sub": "1"}]', '2026-03-01 00:00:00+00', '2026-03-01 00:00:00+00');
INSERT INTO app.schema_version (version_num) VALUES ('0016');
INSERT INTO app.sessions (id, user_id, kind, token_hash, user_agent, created_at, last_used_at, expires_at) OVERRIDING SYSTEM VALUE VALUES (1, 1, 'bearer', '\x603e729cdba7c8bf702c1aef4fb3e6fb2816f1e6508b66a4591c4cc591953eba', 'Mozilla/5.0 (a long header)', '2026-03-01 00:00:00+00', '2126-03-01 00:00:00+00', '2126-03-01 00:00:00+00');
INSERT INTO app.users (id, external_id, created_at, browser_zone, plan_due_at, muted_at, muted_until) OVERRIDING SYSTEM VALUE VALUES (1, NULL, '2026-03-01 00:00:00+00', NULL, NULL, NULL, NULL);
INSERT INTO app.users (id, external_id, created_at, browser_zone, plan_due_at, muted_at, muted_until) OVERRIDING SYSTEM VALUE VALUES (2, 'shop-17', '2026-03-02 00:00:00+00', NULL, NULL, NULL, NULL);
INSERT INTO vault.api_keys (id, name, token_hash, rights, user_ids, scopes, per_minute, created_at, expires_at, last_used_at, revoked_at) OVERRIDING SYSTEM VALUE VALUES (1, 'shop', '\x00', '{tokens}', NULL, NULL, 60, '2026-03-01 00:00:00+00', NULL, NULL, NULL);
INSERT INTO vault.google_tokens (id, user_id, account_sub, client_id, refresh_token, access_token, expires_at, scopes, state, reason, ended_at, version, lease_id, lease_until, failures, refreshed_at, used_at, refresh_expires_at, token_prefix_hash, token_hash, created_at, updated_at, supplements) OVERRIDING SYSTEM VALUE VALUES (1, 1, '1', 'moving-client', NULL, NULL, NULL, '{openid}', 'reconsent', 'revoked', '2026-03-01 00:00:00+00', 1, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, '2026-03-01 00:00:00+00', '2026-03-01 00:00:00+00', NULL);
SELECT pg_catalog.setval('app.audit_id_seq', 1, false);
SELECT pg_catalog.setval('app.calendar_changes_id_seq', 1, false);
SELECT pg_catalog.setval('app.calendars_id_seq', 1, true);
SELECT pg_catalog.setval('app.consents_id_seq', 1, false);
SELECT pg_catalog.setval('app.devices_id_seq', 1, true);
SELECT pg_catalog.setval('app.occurrence_changes_id_seq', 1, false);
SELECT pg_catalog.setval('app.reactions_id_seq', 1, false);
SELECT pg_catalog.setval('app.sessions_id_seq', 1, true);
SELECT pg_catalog.setval('app.users_id_seq', 2, true);
SELECT pg_catalog.setval('queue.pgqueuer_id_seq', 1, false);
SELECT pg_catalog.setval('queue.pgqueuer_log_id_seq', 1, false);
SELECT pg_catalog.setval('queue.pgqueuer_schedules_id_seq', 1, false);
SELECT pg_catalog.setval('queue.pgqueuer_statistics_id_seq', 1, false);
SELECT pg_catalog.setval('vault.api_keys_id_seq', 1, true);
SELECT pg_catalog.setval('vault.google_tokens_id_seq', 1, true);
SELECT pg_catalog.setval('vault.webhooks_id_seq', 1, false);
ALTER TABLE ONLY app.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (user_id, sub);
ALTER TABLE ONLY app.announcements
    ADD CONSTRAINT announcements_device_id_user_id_key_key UNIQUE (device_id, user_id, key);
ALTER TABLE ONLY app.announcements
    ADD CONSTRAINT announcements_pkey PRIMARY KEY (id);
ALTER TABLE ONLY app.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY app.calendar_changes
    ADD CONSTRAINT calendar_changes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY app.calendar_syncs
    ADD CONSTRAINT calendar_syncs_pkey PRIMARY KEY (user_id, account_sub);
ALTER TABLE ONLY app.calendars
    ADD CONSTRAINT calendars_pkey PRIMARY KEY (id);
ALTER TABLE ONLY app.calendars
    ADD CONSTRAINT calendars_user_id_account_sub_google_id_key UNIQUE (user_id, account_sub, google_id);
ALTER TABLE ONLY app.consents
    ADD CONSTRAINT consents_pkey PRIMARY KEY (id);
ALTER TABLE ONLY app.consents
    ADD CONSTRAINT consents_ticket_hash_key UNIQUE (ticket_hash);
ALTER TABLE ONLY app.device_invitations
    ADD CONSTRAINT device_invitations_pkey PRIMARY KEY (code_hash);
ALTER TABLE ONLY app.device_members
    ADD CONSTRAINT device_members_pkey PRIMARY KEY (device_id, user_id);
ALTER TABLE ONLY app.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (id);
ALTER TABLE ONLY app.devices
    ADD CONSTRAINT devices_token_hash_key UNIQUE (token_hash);
ALTER TABLE ONLY app.encoded_sounds
    ADD CONSTRAINT encoded_sounds_pkey PRIMARY KEY (key, audio);
ALTER TABLE ONLY app.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (calendar_id, generation, google_id);
ALTER TABLE ONLY app.limit_counts
    ADD CONSTRAINT limit_counts_pkey PRIMARY KEY (name, key_hash);
ALTER TABLE ONLY app.occurrence_changes
    ADD CONSTRAINT occurrence_changes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY app.pairings
    ADD CONSTRAINT pairings_code_hash_key UNIQUE (code_hash);
ALTER TABLE ONLY app.pairings
    ADD CONSTRAINT pairings_pkey PRIMARY KEY (handle_hash);
ALTER TABLE ONLY app.plans
    ADD CONSTRAINT plans_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY app.preferences
    ADD CONSTRAINT preferences_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY app.push_channels
    ADD CONSTRAINT push_channels_pkey PRIMARY KEY (id);
ALTER TABLE ONLY app.reactions
    ADD CONSTRAINT reactions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY app.readings
    ADD CONSTRAINT readings_pkey PRIMARY KEY (user_id, word);
ALTER TABLE ONLY app.removed_calendars
    ADD CONSTRAINT removed_calendars_pkey PRIMARY KEY (user_id, account_sub, google_id);
ALTER TABLE ONLY app.request_budgets
    ADD CONSTRAINT request_budgets_pkey PRIMARY KEY (window_at);
ALTER TABLE ONLY app.risc_events
    ADD CONSTRAINT risc_events_pkey PRIMARY KEY (jti);
ALTER TABLE ONLY app.schema_version
    ADD CONSTRAINT schema_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY app.seldom_tasks
    ADD CONSTRAINT seldom_tasks_pkey PRIMARY KEY (name);
ALTER TABLE ONLY app.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY app.sessions
    ADD CONSTRAINT sessions_token_hash_key UNIQUE (token_hash);
ALTER TABLE ONLY app.signin_attempts
    ADD CONSTRAINT signin_attempts_pkey PRIMARY KEY (state_hash);
ALTER TABLE ONLY app.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (name);
ALTER TABLE ONLY app.sounds
    ADD CONSTRAINT sounds_pkey PRIMARY KEY (key);
ALTER TABLE ONLY app.users
    ADD CONSTRAINT users_external_id_key UNIQUE (external_id);
ALTER TABLE ONLY app.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);
ALTER TABLE ONLY queue.pgqueuer_log
    ADD CONSTRAINT pgqueuer_log_pkey PRIMARY KEY (id);
ALTER TABLE ONLY queue.pgqueuer
    ADD CONSTRAINT pgqueuer_pkey PRIMARY KEY (id);
ALTER TABLE ONLY queue.pgqueuer_schedules
    ADD CONSTRAINT pgqueuer_schedules_expression_entrypoint_key UNIQUE (expression, entrypoint);
ALTER TABLE ONLY queue.pgqueuer_schedules
    ADD CONSTRAINT pgqueuer_schedules_pkey PRIMARY KEY (id);
ALTER TABLE ONLY queue.pgqueuer_statistics
    ADD CONSTRAINT pgqueuer_statistics_pkey PRIMARY KEY (id);
ALTER TABLE ONLY vault.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY vault.api_keys
    ADD CONSTRAINT api_keys_token_hash_key UNIQUE (token_hash);
ALTER TABLE ONLY vault.google_tokens
    ADD CONSTRAINT google_tokens_pkey PRIMARY KEY (id);
ALTER TABLE ONLY vault.seldom_tasks
    ADD CONSTRAINT seldom_tasks_pkey PRIMARY KEY (name);
ALTER TABLE ONLY vault.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY vault.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (id);
CREATE INDEX accounts_sub ON app.accounts USING btree (sub);
CREATE UNIQUE INDEX accounts_sub_signs_in ON app.accounts USING btree (sub) WHERE signs_in;
CREATE INDEX announcements_expiry ON app.announcements USING btree (state, expires_at);
CREATE INDEX announcements_sound ON app.announcements USING btree (sound_key, state);
CREATE INDEX announcements_user ON app.announcements USING btree (user_id);
CREATE INDEX audit_at ON app.audit USING btree (at);
CREATE INDEX audit_user ON app.audit USING btree (user_id, at);
CREATE INDEX calendar_changes_created_at ON app.calendar_changes USING btree (created_at);
CREATE INDEX calendar_changes_user ON app.calendar_changes USING btree (user_id);
CREATE INDEX calendar_syncs_due ON app.calendar_syncs USING btree (due_at);
CREATE INDEX consents_expires_at ON app.consents USING btree (expires_at);
CREATE INDEX consents_user ON app.consents USING btree (user_id);
CREATE INDEX device_invitations_device ON app.device_invitations USING btree (device_id);
CREATE INDEX device_invitations_expires_at ON app.device_invitations USING btree (expires_at);
CREATE INDEX device_members_user ON app.device_members USING btree (user_id, device_id);
CREATE INDEX devices_channel ON app.devices USING btree (channel, id) WHERE (channel <> 'https'::text);
CREATE INDEX devices_session ON app.devices USING btree (session_id);
CREATE INDEX devices_user ON app.devices USING btree (user_id);
CREATE INDEX limit_counts_ends_at ON app.limit_counts USING btree (ends_at);
CREATE INDEX occurrence_changes_calendar ON app.occurrence_changes USING btree (calendar_id);
CREATE INDEX occurrence_changes_noticed_at ON app.occurrence_changes USING btree (noticed_at);
CREATE INDEX occurrence_changes_user ON app.occurrence_changes USING btree (user_id);
CREATE INDEX pairings_device ON app.pairings USING btree (device_id);
CREATE INDEX pairings_expires_at ON app.pairings USING btree (expires_at);
CREATE INDEX push_channels_account ON app.push_channels USING btree (user_id, account_sub);
CREATE INDEX push_channels_calendar ON app.push_channels USING btree (calendar_id);
CREATE INDEX reactions_at ON app.reactions USING btree (at);
CREATE INDEX reactions_user ON app.reactions USING btree (user_id);
CREATE INDEX risc_events_open ON app.risc_events USING btree (received_at) WHERE (done_at IS NULL);
CREATE INDEX sessions_expires_at ON app.sessions USING btree (expires_at);
CREATE INDEX sessions_user ON app.sessions USING btree (user_id);
CREATE INDEX signin_attempts_consent ON app.signin_attempts USING btree (consent_id);
CREATE INDEX signin_attempts_expires_at ON app.signin_attempts USING btree (expires_at);
CREATE INDEX signin_attempts_user ON app.signin_attempts USING btree (user_id);
CREATE INDEX sounds_used_at ON app.sounds USING btree (used_at);
CREATE INDEX users_plan_due ON app.users USING btree (plan_due_at) WHERE (plan_due_at IS NOT NULL);
CREATE INDEX pgqueuer_due ON queue.pgqueuer USING btree (execute_after) WHERE (status = 'queued'::queue.pgqueuer_status);
CREATE INDEX pgqueuer_ep_ea_idx ON queue.pgqueuer USING btree (entrypoint, execute_after) WHERE (status = 'queued'::queue.pgqueuer_status);
CREATE INDEX pgqueuer_ep_prio_id_idx ON queue.pgqueuer USING btree (entrypoint, priority DESC, id) WHERE (status = 'queued'::queue.pgqueuer_status);
CREATE INDEX pgqueuer_log_created ON queue.pgqueuer_log USING btree (created);
CREATE INDEX pgqueuer_log_job_id_status ON queue.pgqueuer_log USING btree (job_id, created DESC);
CREATE INDEX pgqueuer_log_not_aggregated ON queue.pgqueuer_log USING btree ((1)) WHERE (NOT aggregated);
CREATE INDEX pgqueuer_log_status ON queue.pgqueuer_log USING btree (status);
CREATE INDEX pgqueuer_picked_heartbeat_idx ON queue.pgqueuer USING btree (heartbeat) WHERE (status = 'picked'::queue.pgqueuer_status);
CREATE UNIQUE INDEX pgqueuer_picked_slot_idx ON queue.pgqueuer USING btree (entrypoint, slot) WHERE ((status = 'picked'::queue.pgqueuer_status) AND (slot IS NOT NULL));
CREATE INDEX pgqueuer_priority_id_id1_idx ON queue.pgqueuer USING btree (priority, id DESC) INCLUDE (id) WHERE (status = 'queued'::queue.pgqueuer_status);
CREATE INDEX pgqueuer_queue_manager_id_idx ON queue.pgqueuer USING btree (queue_manager_id) WHERE (queue_manager_id IS NOT NULL);
CREATE UNIQUE INDEX pgqueuer_statistics_unique_count ON queue.pgqueuer_statistics USING btree (priority, date_trunc('sec'::text, timezone('UTC'::text, created)), status, entrypoint);
CREATE UNIQUE INDEX pgqueuer_unique_dedupe_key ON queue.pgqueuer USING btree (dedupe_key) WHERE ((status = ANY (ARRAY['queued'::queue.pgqueuer_status, 'picked'::queue.pgqueuer_status])) AND (dedupe_key IS NOT NULL));
CREATE INDEX pgqueuer_updated_id_id1_idx ON queue.pgqueuer USING btree (updated, id DESC) INCLUDE (id) WHERE (status = 'picked'::queue.pgqueuer_status);
CREATE INDEX google_tokens_access_key ON vault.google_tokens USING btree (substr(access_token, 1, 5));
CREATE INDEX google_tokens_account ON vault.google_tokens USING btree (account_sub);
CREATE INDEX google_tokens_client ON vault.google_tokens USING btree (client_id);
CREATE INDEX google_tokens_due ON vault.google_tokens USING btree (state, expires_at);
CREATE INDEX google_tokens_ended ON vault.google_tokens USING btree (ended_at) WHERE (state <> 'active'::text);
CREATE INDEX google_tokens_hash ON vault.google_tokens USING btree (token_hash);
CREATE UNIQUE INDEX google_tokens_main ON vault.google_tokens USING btree (user_id, account_sub) WHERE (supplements IS NULL);
CREATE INDEX google_tokens_prefix ON vault.google_tokens USING btree (token_prefix_hash);
CREATE INDEX google_tokens_refresh_expiry ON vault.google_tokens USING btree (refresh_expires_at) WHERE (refresh_expires_at IS NOT NULL);
CREATE INDEX google_tokens_refresh_key ON vault.google_tokens USING btree (substr(refresh_token, 1, 5));
CREATE INDEX google_tokens_supplements ON vault.google_tokens USING btree (supplements) WHERE (supplements IS NOT NULL);
CREATE INDEX google_tokens_to_revoke ON vault.google_tokens USING btree (id) WHERE ((state = 'revoked'::text) AND (refresh_token IS NOT NULL));
CREATE INDEX google_tokens_user ON vault.google_tokens USING btree (user_id, account_sub);
CREATE INDEX webhook_deliveries_done ON vault.webhook_deliveries USING btree (done_at) WHERE (done_at IS NOT NULL);
CREATE INDEX webhook_deliveries_due ON vault.webhook_deliveries USING btree (webhook_id, due_at) WHERE (done_at IS NULL);
CREATE INDEX webhook_deliveries_subject ON vault.webhook_deliveries USING btree (webhook_id, subject) WHERE ((done_at IS NULL) AND (subject IS NOT NULL));
CREATE INDEX webhook_deliveries_subject_done ON vault.webhook_deliveries USING btree (done_at) WHERE ((done_at IS NOT NULL) AND (subject IS NOT NULL));
CREATE INDEX webhook_deliveries_webhook ON vault.webhook_deliveries USING btree (webhook_id);
CREATE TRIGGER device_added AFTER INSERT ON app.devices FOR EACH ROW EXECUTE FUNCTION app.add_owner_as_member();
CREATE TRIGGER device_gone AFTER DELETE ON app.devices FOR EACH ROW EXECUTE FUNCTION app.notify_device_gone();
CREATE TRIGGER device_member_gone AFTER DELETE ON app.device_members FOR EACH ROW EXECUTE FUNCTION app.notify_device_of_member();
CREATE TRIGGER events_deleted AFTER DELETE ON app.events REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION app.increment_events_version();
CREATE TRIGGER events_inserted AFTER INSERT ON app.events REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION app.increment_events_version();
CREATE TRIGGER events_updated AFTER UPDATE ON app.events REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION app.increment_events_version();
CREATE TRIGGER tg_pgqueuer_changed AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON queue.pgqueuer FOR EACH STATEMENT EXECUTE FUNCTION queue.fn_pgqueuer_changed();
ALTER TABLE ONLY app.accounts
    ADD CONSTRAINT accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.announcements
    ADD CONSTRAINT announcements_device_id_fkey FOREIGN KEY (device_id) REFERENCES app.devices(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.announcements
    ADD CONSTRAINT announcements_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.calendar_syncs
    ADD CONSTRAINT calendar_syncs_user_id_account_sub_fkey FOREIGN KEY (user_id, account_sub) REFERENCES app.accounts(user_id, sub) ON DELETE CASCADE;
ALTER TABLE ONLY app.calendar_syncs
    ADD CONSTRAINT calendar_syncs_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.calendars
    ADD CONSTRAINT calendars_user_id_account_sub_fkey FOREIGN KEY (user_id, account_sub) REFERENCES app.accounts(user_id, sub) ON DELETE CASCADE;
ALTER TABLE ONLY app.calendars
    ADD CONSTRAINT calendars_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.consents
    ADD CONSTRAINT consents_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.device_invitations
    ADD CONSTRAINT device_invitations_device_id_fkey FOREIGN KEY (device_id) REFERENCES app.devices(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.device_members
    ADD CONSTRAINT device_members_device_id_fkey FOREIGN KEY (device_id) REFERENCES app.devices(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.device_members
    ADD CONSTRAINT device_members_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.devices
    ADD CONSTRAINT devices_session_id_fkey FOREIGN KEY (session_id) REFERENCES app.sessions(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.devices
    ADD CONSTRAINT devices_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.encoded_sounds
    ADD CONSTRAINT encoded_sounds_key_fkey FOREIGN KEY (key) REFERENCES app.sounds(key) ON DELETE CASCADE;
ALTER TABLE ONLY app.events
    ADD CONSTRAINT events_calendar_id_fkey FOREIGN KEY (calendar_id) REFERENCES app.calendars(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.occurrence_changes
    ADD CONSTRAINT occurrence_changes_calendar_id_fkey FOREIGN KEY (calendar_id) REFERENCES app.calendars(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.occurrence_changes
    ADD CONSTRAINT occurrence_changes_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.pairings
    ADD CONSTRAINT pairings_device_id_fkey FOREIGN KEY (device_id) REFERENCES app.devices(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.plans
    ADD CONSTRAINT plans_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.preferences
    ADD CONSTRAINT preferences_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.push_channels
    ADD CONSTRAINT push_channels_calendar_id_fkey FOREIGN KEY (calendar_id) REFERENCES app.calendars(id) ON DELETE SET NULL;
ALTER TABLE ONLY app.push_channels
    ADD CONSTRAINT push_channels_user_id_account_sub_fkey FOREIGN KEY (user_id, account_sub) REFERENCES app.accounts(user_id, sub) ON DELETE CASCADE;
ALTER TABLE ONLY app.reactions
    ADD CONSTRAINT reactions_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.readings
    ADD CONSTRAINT readings_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.removed_calendars
    ADD CONSTRAINT removed_calendars_user_id_account_sub_fkey FOREIGN KEY (user_id, account_sub) REFERENCES app.accounts(user_id, sub) ON DELETE CASCADE;
ALTER TABLE ONLY app.removed_calendars
    ADD CONSTRAINT removed_calendars_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.signin_attempts
    ADD CONSTRAINT signin_attempts_consent_id_fkey FOREIGN KEY (consent_id) REFERENCES app.consents(id) ON DELETE CASCADE;
ALTER TABLE ONLY app.signin_attempts
    ADD CONSTRAINT signin_attempts_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY vault.google_tokens
    ADD CONSTRAINT google_tokens_supplements_fkey FOREIGN KEY (supplements) REFERENCES vault.google_tokens(id) ON DELETE CASCADE;
ALTER TABLE ONLY vault.google_tokens
    ADD CONSTRAINT google_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY vault.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES vault.webhooks(id) ON DELETE CASCADE;
GRANT USAGE ON SCHEMA app TO catflap_app;
GRANT USAGE ON SCHEMA queue TO catflap_app;
GRANT USAGE ON SCHEMA queue TO catflap_vault;
GRANT USAGE ON SCHEMA vault TO catflap_vault;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.accounts TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.announcements TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.audit TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE app.audit_id_seq TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.calendar_changes TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE app.calendar_changes_id_seq TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.calendar_syncs TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.calendars TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE app.calendars_id_seq TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.consents TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE app.consents_id_seq TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.device_invitations TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.device_members TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.devices TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE app.devices_id_seq TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.encoded_sounds TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.events TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.limit_counts TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.occurrence_changes TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE app.occurrence_changes_id_seq TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.pairings TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.plans TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.preferences TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.push_channels TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.reactions TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE app.reactions_id_seq TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.readings TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.removed_calendars TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.request_budgets TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.risc_events TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.seldom_tasks TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.sessions TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE app.sessions_id_seq TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.signin_attempts TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.signing_keys TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.sounds TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE app.users TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE app.users_id_seq TO catflap_app;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE queue.pgqueuer TO catflap_app;
GRANT SELECT,INSERT ON TABLE queue.pgqueuer TO catflap_vault;
GRANT SELECT,USAGE ON SEQUENCE queue.pgqueuer_id_seq TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE queue.pgqueuer_id_seq TO catflap_vault;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE queue.pgqueuer_log TO catflap_app;
GRANT SELECT,INSERT ON TABLE queue.pgqueuer_log TO catflap_vault;
GRANT SELECT,USAGE ON SEQUENCE queue.pgqueuer_log_id_seq TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE queue.pgqueuer_log_id_seq TO catflap_vault;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE queue.pgqueuer_schedules TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE queue.pgqueuer_schedules_id_seq TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE queue.pgqueuer_schedules_id_seq TO catflap_vault;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE queue.pgqueuer_statistics TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE queue.pgqueuer_statistics_id_seq TO catflap_app;
GRANT SELECT,USAGE ON SEQUENCE queue.pgqueuer_statistics_id_seq TO catflap_vault;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE vault.api_keys TO catflap_vault;
GRANT SELECT,USAGE ON SEQUENCE vault.api_keys_id_seq TO catflap_vault;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE vault.google_tokens TO catflap_vault;
GRANT SELECT,USAGE ON SEQUENCE vault.google_tokens_id_seq TO catflap_vault;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE vault.seldom_tasks TO catflap_vault;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE vault.webhook_deliveries TO catflap_vault;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE vault.webhooks TO catflap_vault;
GRANT SELECT,USAGE ON SEQUENCE vault.webhooks_id_seq TO catflap_vault;
