"""Time zones that nobody chose: Google Calendar's setting and the browser's; a choice may be missing."""

from alembic import op

revision = "0008"
down_revision = "0007"

_STATEMENTS = (
    "ALTER TABLE app.users ADD COLUMN browser_zone TEXT",
    "ALTER TABLE app.calendar_syncs ADD COLUMN time_zone TEXT",
    "ALTER TABLE app.preferences ALTER COLUMN zone DROP NOT NULL",
    # Until now the page stored the zone together with any other choice: UTC before the first sync, the
    # primary calendar's afterwards. Neither tells that somebody chose it.
    """UPDATE app.preferences p SET zone = NULL
        WHERE zone = 'UTC' OR EXISTS (
            SELECT FROM app.calendars c
            WHERE c.user_id = p.user_id AND c.is_primary AND c.time_zone = p.zone
        )""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
