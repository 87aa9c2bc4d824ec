"""Indexes for the statements of routes, jobs and ticks; due times of plans and of tasks that run seldom."""

from alembic import context, op

revision = "0009"
down_revision = "0008"

_DUE_TIMES = (
    "ALTER TABLE app.users ADD COLUMN plan_due_at TIMESTAMP WITH TIME ZONE",
    # Spread over an hour, in which each user with a device is planned once.
    """UPDATE app.users SET plan_due_at = now() + id * 2654435761 % 3600 * interval '1 second'
        WHERE EXISTS (SELECT FROM app.devices WHERE user_id = users.id)""",
    "CREATE INDEX users_plan_due ON app.users (plan_due_at) WHERE plan_due_at IS NOT NULL",
    "ALTER TABLE app.sounds RENAME COLUMN created_at TO used_at",
    "CREATE INDEX sounds_used_at ON app.sounds (used_at)",
    """CREATE TABLE app.seldom_tasks (
        name TEXT NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (name)
    )""",
    """CREATE TABLE vault.seldom_tasks (
        name TEXT NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (name)
    )""",
    'GRANT SELECT, INSERT, UPDATE, DELETE ON app.seldom_tasks TO "{app}"',
    'GRANT SELECT, INSERT, UPDATE, DELETE ON vault.seldom_tasks TO "{vault}"',
)
_APP = (
    # Also used when a user, a session or a device is deleted, and what belongs to it by cascade.
    "CREATE INDEX announcements_user ON app.announcements (user_id)",
    "CREATE INDEX consents_user ON app.consents (user_id)",
    "CREATE INDEX devices_user ON app.devices (user_id)",
    "CREATE INDEX pairings_device ON app.pairings (device_id)",
    "CREATE INDEX sessions_user ON app.sessions (user_id)",
    "CREATE INDEX signin_attempts_consent ON app.signin_attempts (consent_id)",
    "CREATE INDEX signin_attempts_user ON app.signin_attempts (user_id)",
    "CREATE INDEX accounts_sub ON app.accounts (sub)",
    "CREATE INDEX announcements_sound ON app.announcements (sound_key, state)",
    "CREATE INDEX announcements_expiry ON app.announcements (state, expires_at)",
    "CREATE INDEX consents_expires_at ON app.consents (expires_at)",
    "CREATE INDEX pairings_expires_at ON app.pairings (expires_at)",
    "CREATE INDEX sessions_expires_at ON app.sessions (expires_at)",
    "CREATE INDEX risc_events_open ON app.risc_events (received_at) WHERE done_at IS NULL",
)
_VAULT = (
    "CREATE INDEX google_tokens_ended ON vault.google_tokens (ended_at) WHERE state <> 'active'",
    """CREATE INDEX google_tokens_to_revoke ON vault.google_tokens (id)
        WHERE state = 'revoked' AND refresh_token IS NOT NULL""",
    """CREATE INDEX google_tokens_refresh_expiry ON vault.google_tokens (refresh_expires_at)
        WHERE refresh_expires_at IS NOT NULL""",
    # Few rows supplement another.
    "DROP INDEX vault.google_tokens_supplements",
    """CREATE INDEX google_tokens_supplements ON vault.google_tokens (supplements)
        WHERE supplements IS NOT NULL""",
    "DROP INDEX vault.webhook_deliveries_due",
    "CREATE INDEX webhook_deliveries_due ON vault.webhook_deliveries (due_at) WHERE done_at IS NULL",
    "CREATE INDEX webhook_deliveries_done ON vault.webhook_deliveries (done_at) WHERE done_at IS NOT NULL",
    "CREATE INDEX webhook_deliveries_webhook ON vault.webhook_deliveries (webhook_id)",
)


def upgrade() -> None:
    for statement in (*_DUE_TIMES, *_APP, *_VAULT):
        op.execute(statement.format(**context.config.attributes["roles"]))
