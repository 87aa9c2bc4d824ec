"""Google's default reminders of a calendar, and the preferences about reminders, answers and event types."""

from alembic import op

revision = "0002"
down_revision = "0001"

_STATEMENTS = (
    "ALTER TABLE app.calendars ADD COLUMN default_reminders integer[] NOT NULL DEFAULT '{}'",
    "ALTER TABLE app.preferences"
    " ADD COLUMN reminders_from text NOT NULL DEFAULT 'preferences',"
    " ADD COLUMN tentative text NOT NULL DEFAULT 'maybe',"
    " ADD COLUMN event_types text[] NOT NULL DEFAULT '{}'",
    # Stored events lack what is kept from now on (birthday types, the method of a reminder): without a sync
    # token the next sync reads each calendar in full.
    "UPDATE app.calendars SET sync_token = NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
