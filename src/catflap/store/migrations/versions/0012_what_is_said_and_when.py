"""Preferences of what is said and when, reactions, changes to tell, and the reading dictionary."""

from alembic import context, op

revision = "0012"
down_revision = "0011"

_STATEMENTS = (
    "ALTER TABLE app.preferences ADD COLUMN evening_at TIME",
    "ALTER TABLE app.preferences ADD COLUMN all_day_at TIME DEFAULT '09:00'",
    "ALTER TABLE app.preferences ADD COLUMN countdown_minutes INTEGER[] NOT NULL DEFAULT '{{}}'",
    "ALTER TABLE app.preferences ADD COLUMN repeat_minutes INTEGER",
    "ALTER TABLE app.preferences ADD COLUMN places JSONB NOT NULL DEFAULT '[]'",
    "ALTER TABLE app.preferences ADD COLUMN quiet_from TIME",
    "ALTER TABLE app.preferences ADD COLUMN quiet_until TIME",
    "ALTER TABLE app.preferences ADD COLUMN quiet_word TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE app.preferences ADD COLUMN in_meetings TEXT NOT NULL DEFAULT 'reminders'",
    "ALTER TABLE app.preferences ADD COLUMN talkativeness TEXT NOT NULL DEFAULT 'normal'",
    "ALTER TABLE app.preferences ADD COLUMN says_private_titles BOOLEAN NOT NULL DEFAULT false",
    "ALTER TABLE app.preferences ADD COLUMN says_moved BOOLEAN NOT NULL DEFAULT true",
    "ALTER TABLE app.preferences ADD COLUMN says_cancelled BOOLEAN NOT NULL DEFAULT false",
    "ALTER TABLE app.users ADD COLUMN muted_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE app.users ADD COLUMN muted_until TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE app.calendars ADD COLUMN reminder_minutes INTEGER[]",
    "ALTER TABLE app.calendars ADD COLUMN says_titles BOOLEAN NOT NULL DEFAULT true",
    "ALTER TABLE app.calendars ADD COLUMN ignores_quiet BOOLEAN NOT NULL DEFAULT false",
    "ALTER TABLE app.announcements ADD COLUMN occurrences TEXT[] NOT NULL DEFAULT '{{}}'",
    "ALTER TABLE app.announcements ADD COLUMN held_for TEXT",
    "ALTER TABLE app.plans ADD COLUMN occurrences JSONB NOT NULL DEFAULT '[]'",
    """CREATE TABLE app.reactions (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        user_id BIGINT NOT NULL REFERENCES app.users (id) ON DELETE CASCADE,
        action TEXT NOT NULL,
        occurrence TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        play_at TIMESTAMP WITH TIME ZONE
    )""",
    "CREATE INDEX reactions_user ON app.reactions (user_id)",
    "CREATE INDEX reactions_at ON app.reactions (at)",
    """CREATE TABLE app.occurrence_changes (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        user_id BIGINT NOT NULL REFERENCES app.users (id) ON DELETE CASCADE,
        calendar_id BIGINT NOT NULL REFERENCES app.calendars (id) ON DELETE CASCADE,
        change TEXT NOT NULL,
        instance TEXT NOT NULL,
        title TEXT NOT NULL,
        is_private BOOLEAN NOT NULL,
        starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
        moved_to TIMESTAMP WITH TIME ZONE,
        noticed_at TIMESTAMP WITH TIME ZONE NOT NULL
    )""",
    "CREATE INDEX occurrence_changes_user ON app.occurrence_changes (user_id)",
    "CREATE INDEX occurrence_changes_calendar ON app.occurrence_changes (calendar_id)",
    "CREATE INDEX occurrence_changes_noticed_at ON app.occurrence_changes (noticed_at)",
    """CREATE TABLE app.readings (
        user_id BIGINT NOT NULL REFERENCES app.users (id) ON DELETE CASCADE,
        word TEXT NOT NULL,
        reading TEXT NOT NULL,
        PRIMARY KEY (user_id, word)
    )""",
    "ALTER TABLE app.sounds ADD COLUMN render_again_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE app.devices ADD COLUMN audio TEXT NOT NULL DEFAULT 'wav-16000'",
    "ALTER TABLE app.pairings ADD COLUMN audio TEXT NOT NULL DEFAULT 'wav-16000'",
    """CREATE TABLE app.encoded_sounds (
        key TEXT NOT NULL REFERENCES app.sounds (key) ON DELETE CASCADE,
        audio TEXT NOT NULL,
        content BYTEA NOT NULL,
        sha256 TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        PRIMARY KEY (key, audio)
    )""",
    'GRANT SELECT, INSERT, UPDATE, DELETE ON app.encoded_sounds TO "{app}"',
    'GRANT SELECT, INSERT, UPDATE, DELETE ON app.reactions, app.occurrence_changes, app.readings TO "{app}"',
    'GRANT USAGE, SELECT ON SEQUENCE app.reactions_id_seq, app.occurrence_changes_id_seq TO "{app}"',
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement.format(**context.config.attributes["roles"]))
