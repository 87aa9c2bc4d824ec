"""Due times of each calendar, resumable full syncs, push channels, and the budget of requests to Google."""

from alembic import context, op

revision = "0011"
down_revision = "0010"

_SYNCS = (
    "ALTER TABLE app.calendar_syncs RENAME COLUMN waits_from TO due_at",
    "ALTER TABLE app.calendar_syncs ADD COLUMN list_sync_token TEXT",
    # Every list is read at the next sync, which is when the new columns of calendars are filled.
    "ALTER TABLE app.calendar_syncs ADD COLUMN list_due_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now()",
    "ALTER TABLE app.calendar_syncs ALTER COLUMN list_due_at DROP DEFAULT",
    "ALTER TABLE app.calendar_syncs ADD COLUMN is_list_notified BOOLEAN NOT NULL DEFAULT false",
    # Accounts without a grant had lost this row and kept their calendars; the next sync erases them.
    "INSERT INTO app.calendar_syncs (user_id, account_sub, due_at, list_due_at, failures)"
    " SELECT DISTINCT user_id, account_sub, now(), now(), 0 FROM app.calendars ON CONFLICT DO NOTHING",
)
_CALENDARS = (
    "ALTER TABLE app.calendars ADD COLUMN access_role TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE app.calendars ADD COLUMN background_color TEXT",
    "ALTER TABLE app.calendars ADD COLUMN foreground_color TEXT",
    "ALTER TABLE app.calendars ADD COLUMN is_selected_at_google BOOLEAN NOT NULL DEFAULT false",
    # Stored events lack fields that are stored from now on, so each calendar is read in full.
    "UPDATE app.calendars SET is_selected_at_google = is_selected, sync_token = NULL",
    "ALTER TABLE app.calendars ADD COLUMN is_selected_by_user BOOLEAN",
    "ALTER TABLE app.calendars ADD COLUMN generation BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE app.calendars ADD COLUMN page_token TEXT",
    "ALTER TABLE app.calendars ADD COLUMN page_time_min TIMESTAMP WITH TIME ZONE",
    # In the past, so that what was stored by an older version is read again.
    "ALTER TABLE app.calendars ADD COLUMN sync_due_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now()",
    "ALTER TABLE app.calendars ALTER COLUMN sync_due_at DROP DEFAULT",
    "ALTER TABLE app.calendars ADD COLUMN is_notified BOOLEAN NOT NULL DEFAULT false",
    "ALTER TABLE app.calendars ADD COLUMN changed_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE app.calendars ADD COLUMN push_refused_until TIMESTAMP WITH TIME ZONE",
)
_EVENTS = (
    "ALTER TABLE app.events ADD COLUMN generation BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE app.events ALTER COLUMN generation DROP DEFAULT",
    "ALTER TABLE app.events DROP CONSTRAINT events_pkey",
    "ALTER TABLE app.events ADD PRIMARY KEY (calendar_id, generation, google_id)",
)
_CHANNELS = (
    "ALTER TABLE app.announcements ADD COLUMN wording TEXT NOT NULL DEFAULT ''",
    """CREATE TABLE app.push_channels (
        id TEXT NOT NULL PRIMARY KEY,
        user_id BIGINT NOT NULL,
        account_sub TEXT NOT NULL,
        calendar_id BIGINT REFERENCES app.calendars (id) ON DELETE SET NULL,
        is_list BOOLEAN NOT NULL,
        address TEXT NOT NULL,
        token_hash BYTEA NOT NULL,
        resource_id TEXT,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
        notified_at TIMESTAMP WITH TIME ZONE,
        missed_at TIMESTAMP WITH TIME ZONE,
        FOREIGN KEY (user_id, account_sub) REFERENCES app.accounts (user_id, sub) ON DELETE CASCADE
    )""",
    "CREATE INDEX push_channels_account ON app.push_channels (user_id, account_sub)",
    "CREATE INDEX push_channels_calendar ON app.push_channels (calendar_id)",
    """CREATE TABLE app.request_budgets (
        window_at TIMESTAMP WITH TIME ZONE NOT NULL PRIMARY KEY,
        used INTEGER NOT NULL,
        polled INTEGER NOT NULL,
        refused INTEGER NOT NULL
    )""",
    """CREATE TABLE app.calendar_changes (
        id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        user_id BIGINT NOT NULL,
        account_sub TEXT NOT NULL,
        calendar TEXT NOT NULL,
        reason TEXT NOT NULL,
        event_ids TEXT[] NOT NULL,
        is_complete BOOLEAN NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL
    )""",
    "CREATE INDEX calendar_changes_user ON app.calendar_changes (user_id)",
    "CREATE INDEX calendar_changes_created_at ON app.calendar_changes (created_at)",
    'GRANT SELECT, INSERT, UPDATE, DELETE ON app.push_channels TO "{app}"',
    'GRANT SELECT, INSERT, UPDATE, DELETE ON app.request_budgets, app.calendar_changes TO "{app}"',
    'GRANT USAGE, SELECT ON SEQUENCE app.calendar_changes_id_seq TO "{app}"',
)
_DELIVERIES = (
    "ALTER TABLE vault.webhook_deliveries ADD COLUMN subject TEXT",
    "DROP INDEX vault.webhook_deliveries_due",
    "CREATE INDEX webhook_deliveries_due ON vault.webhook_deliveries (webhook_id, due_at)"
    " WHERE done_at IS NULL",
    "CREATE INDEX webhook_deliveries_subject ON vault.webhook_deliveries (webhook_id, subject)"
    " WHERE done_at IS NULL AND subject IS NOT NULL",
    "CREATE INDEX webhook_deliveries_subject_done ON vault.webhook_deliveries (done_at)"
    " WHERE done_at IS NOT NULL AND subject IS NOT NULL",
)


def upgrade() -> None:
    for statement in (*_SYNCS, *_CALENDARS, *_EVENTS, *_CHANNELS, *_DELIVERIES):
        op.execute(statement.format(**context.config.attributes["roles"]))
