CREATE TABLE app.audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    key_id BIGINT,
    user_id BIGINT,
    account_sub TEXT,
    detail TEXT,
    PRIMARY KEY (id)
);

CREATE INDEX audit_at ON app.audit (at);

CREATE INDEX audit_user ON app.audit (user_id, at);

CREATE TABLE app.risc_events (
    jti TEXT NOT NULL,
    events JSONB NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (jti)
);

CREATE TABLE app.signing_keys (
    name TEXT NOT NULL,
    key BYTEA NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE app.sounds (
    key TEXT NOT NULL,
    wav BYTEA NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    seconds FLOAT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (key)
);

CREATE TABLE app.users (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    external_id TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (external_id)
);

CREATE TABLE vault.api_keys (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    rights TEXT[] NOT NULL,
    user_ids BIGINT[],
    scopes TEXT[],
    per_minute INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    UNIQUE (token_hash)
);

CREATE TABLE vault.webhooks (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    url TEXT NOT NULL,
    secret BYTEA NOT NULL,
    events TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE app.accounts (
    user_id BIGINT NOT NULL,
    sub TEXT NOT NULL,
    signs_in BOOLEAN DEFAULT 'false' NOT NULL,
    asked_scopes TEXT[] DEFAULT '{}' NOT NULL,
    email TEXT NOT NULL,
    email_verified BOOLEAN NOT NULL,
    name TEXT,
    given_name TEXT,
    family_name TEXT,
    picture TEXT,
    locale TEXT,
    hosted_domain TEXT,
    is_primary BOOLEAN NOT NULL,
    disabled_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (user_id, sub),
    FOREIGN KEY(user_id) REFERENCES app.users (id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX accounts_sub_signs_in ON app.accounts (sub) WHERE signs_in;

CREATE TABLE app.consents (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id BIGINT NOT NULL,
    ticket_hash BYTEA NOT NULL,
    purpose TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    account_sub TEXT,
    return_to TEXT NOT NULL,
    state TEXT NOT NULL,
    sealed_answer TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(user_id) REFERENCES app.users (id) ON DELETE CASCADE,
    UNIQUE (ticket_hash)
);

CREATE TABLE app.devices (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    volume INTEGER NOT NULL,
    muted_until TIMESTAMP WITH TIME ZONE,
    schedule_version BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(user_id) REFERENCES app.users (id) ON DELETE CASCADE,
    UNIQUE (token_hash)
);

CREATE TABLE app.preferences (
    user_id BIGINT NOT NULL,
    zone TEXT NOT NULL,
    reminder_minutes INTEGER[] NOT NULL,
    briefing_at TIME WITHOUT TIME ZONE,
    dialect_ja TEXT NOT NULL,
    dialect_en TEXT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (user_id),
    FOREIGN KEY(user_id) REFERENCES app.users (id) ON DELETE CASCADE
);

CREATE TABLE app.sessions (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    user_agent TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(user_id) REFERENCES app.users (id) ON DELETE CASCADE,
    UNIQUE (token_hash)
);

CREATE TABLE vault.google_tokens (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id BIGINT NOT NULL,
    account_sub TEXT NOT NULL,
    client_id TEXT NOT NULL,
    refresh_token BYTEA,
    access_token BYTEA,
    expires_at TIMESTAMP WITH TIME ZONE,
    scopes TEXT[] NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    ended_at TIMESTAMP WITH TIME ZONE,
    version BIGINT NOT NULL,
    lease_id TEXT,
    lease_until TIMESTAMP WITH TIME ZONE,
    failures INTEGER NOT NULL,
    refreshed_at TIMESTAMP WITH TIME ZONE,
    used_at TIMESTAMP WITH TIME ZONE,
    refresh_expires_at TIMESTAMP WITH TIME ZONE,
    token_prefix_hash BYTEA,
    token_hash BYTEA,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (user_id, account_sub),
    FOREIGN KEY(user_id) REFERENCES app.users (id) ON DELETE CASCADE
);

CREATE INDEX google_tokens_account ON vault.google_tokens (account_sub);

CREATE INDEX google_tokens_due ON vault.google_tokens (state, expires_at);

CREATE INDEX google_tokens_hash ON vault.google_tokens (token_hash);

CREATE INDEX google_tokens_prefix ON vault.google_tokens (token_prefix_hash);

CREATE TABLE vault.webhook_deliveries (
    id TEXT NOT NULL,
    webhook_id BIGINT NOT NULL,
    event TEXT NOT NULL,
    payload JSONB NOT NULL,
    attempts INTEGER NOT NULL,
    outcome TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(webhook_id) REFERENCES vault.webhooks (id) ON DELETE CASCADE
);

CREATE INDEX webhook_deliveries_due ON vault.webhook_deliveries (done_at, due_at);

CREATE TABLE app.announcements (
    id TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    device_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    play_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    titles TEXT[] NOT NULL,
    event_start TEXT NOT NULL,
    dialect TEXT NOT NULL,
    display TEXT NOT NULL,
    spoken TEXT NOT NULL,
    sound_key TEXT NOT NULL,
    detail TEXT,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (device_id, key),
    FOREIGN KEY(user_id) REFERENCES app.users (id) ON DELETE CASCADE,
    FOREIGN KEY(device_id) REFERENCES app.devices (id) ON DELETE CASCADE
);

CREATE TABLE app.calendars (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    user_id BIGINT NOT NULL,
    account_sub TEXT NOT NULL,
    google_id TEXT NOT NULL,
    summary TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    is_primary BOOLEAN NOT NULL,
    is_selected BOOLEAN NOT NULL,
    sync_token TEXT,
    synced_at TIMESTAMP WITH TIME ZONE,
    asked_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    FOREIGN KEY(user_id, account_sub) REFERENCES app.accounts (user_id, sub) ON DELETE CASCADE,
    UNIQUE (user_id, account_sub, google_id),
    FOREIGN KEY(user_id) REFERENCES app.users (id) ON DELETE CASCADE
);

CREATE TABLE app.pairings (
    handle_hash BYTEA NOT NULL,
    code TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    model TEXT NOT NULL,
    device_id BIGINT,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (handle_hash),
    UNIQUE (code),
    FOREIGN KEY(device_id) REFERENCES app.devices (id) ON DELETE CASCADE
);

CREATE TABLE app.signin_attempts (
    state_hash BYTEA NOT NULL,
    browser_hash BYTEA NOT NULL,
    scopes TEXT[] NOT NULL,
    next TEXT NOT NULL,
    purpose TEXT NOT NULL,
    user_id BIGINT,
    account_sub TEXT,
    consent_id BIGINT,
    forced BOOLEAN NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (state_hash),
    FOREIGN KEY(user_id) REFERENCES app.users (id) ON DELETE CASCADE,
    FOREIGN KEY(consent_id) REFERENCES app.consents (id) ON DELETE CASCADE
);

CREATE TABLE app.events (
    calendar_id BIGINT NOT NULL,
    google_id TEXT NOT NULL,
    recurring_event_id TEXT,
    recurs BOOLEAN NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE,
    ends_at TIMESTAMP WITH TIME ZONE,
    resource JSONB NOT NULL,
    PRIMARY KEY (calendar_id, google_id),
    FOREIGN KEY(calendar_id) REFERENCES app.calendars (id) ON DELETE CASCADE
);
