"""What each plan was made from, so that the same is not computed again; versions of stored events."""

from alembic import context, op

revision = "0010"
down_revision = "0009"

_STATEMENTS = (
    """CREATE TABLE app.plans (
        user_id BIGINT NOT NULL PRIMARY KEY REFERENCES app.users (id) ON DELETE CASCADE,
        inputs TEXT NOT NULL,
        planned_at TIMESTAMP WITH TIME ZONE NOT NULL,
        valid_until TIMESTAMP WITH TIME ZONE NOT NULL
    )""",
    'GRANT SELECT, INSERT, UPDATE, DELETE ON app.plans TO "{app}"',
    "ALTER TABLE app.calendars ADD COLUMN events_version BIGINT NOT NULL DEFAULT 0",
    # Triggers, so that no statement that writes events can leave the version as it was.
    """CREATE FUNCTION app.increment_events_version() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE app.calendars SET events_version = events_version + 1
                WHERE id IN (SELECT calendar_id FROM changed);
            RETURN NULL;
        END
    $$""",
    """CREATE TRIGGER events_inserted AFTER INSERT ON app.events REFERENCING NEW TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION app.increment_events_version()""",
    """CREATE TRIGGER events_updated AFTER UPDATE ON app.events REFERENCING NEW TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION app.increment_events_version()""",
    """CREATE TRIGGER events_deleted AFTER DELETE ON app.events REFERENCING OLD TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION app.increment_events_version()""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement.format(**context.config.attributes["roles"]))
