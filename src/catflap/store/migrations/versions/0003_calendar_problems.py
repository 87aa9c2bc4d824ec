"""Why calendars could not be read, per calendar and per account; the calendars that left Google's list."""

from alembic import context, op

revision = "0003"
down_revision = "0002"

_STATEMENTS = (
    """ALTER TABLE app.calendars
        DROP COLUMN asked_at,
        ADD COLUMN problem TEXT,
        ADD COLUMN problem_since TIMESTAMP WITH TIME ZONE""",
    """CREATE TABLE app.calendar_syncs (
        user_id BIGINT NOT NULL,
        account_sub TEXT NOT NULL,
        listed_at TIMESTAMP WITH TIME ZONE,
        waits_from TIMESTAMP WITH TIME ZONE NOT NULL,
        retry_at TIMESTAMP WITH TIME ZONE,
        failures INTEGER NOT NULL,
        problem TEXT,
        problem_since TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (user_id, account_sub),
        FOREIGN KEY(user_id) REFERENCES app.users (id) ON DELETE CASCADE,
        FOREIGN KEY(user_id, account_sub) REFERENCES app.accounts (user_id, sub) ON DELETE CASCADE
    )""",
    "CREATE INDEX calendar_syncs_due ON app.calendar_syncs (waits_from)",
    """CREATE TABLE app.removed_calendars (
        user_id BIGINT NOT NULL,
        account_sub TEXT NOT NULL,
        google_id TEXT NOT NULL,
        summary TEXT NOT NULL,
        removed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (user_id, account_sub, google_id),
        FOREIGN KEY(user_id) REFERENCES app.users (id) ON DELETE CASCADE,
        FOREIGN KEY(user_id, account_sub) REFERENCES app.accounts (user_id, sub) ON DELETE CASCADE
    )""",
    # Accounts without calendars too: their first sync may have failed, and nothing would ask again.
    """INSERT INTO app.calendar_syncs (user_id, account_sub, waits_from, failures)
        SELECT user_id, sub, updated_at, 0 FROM app.accounts""",
    'GRANT SELECT, INSERT, UPDATE, DELETE ON app.calendar_syncs, app.removed_calendars TO "{app}"',
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement.format(**context.config.attributes["roles"]))
