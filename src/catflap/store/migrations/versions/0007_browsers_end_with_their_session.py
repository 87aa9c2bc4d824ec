"""A browser is a device of its session and ends with it; whoever follows a device hears when it is gone."""

from alembic import op

revision = "0007"
down_revision = "0006"

# A trigger, because sessions and users are deleted in many places and most devices go by cascade.
_STATEMENTS = (
    # Which session an older browser belongs to is not known; an open page makes itself a device again.
    "DELETE FROM app.devices WHERE model = 'browser'",
    "ALTER TABLE app.devices ADD COLUMN session_id BIGINT REFERENCES app.sessions (id) ON DELETE CASCADE",
    "CREATE INDEX devices_session ON app.devices (session_id)",
    """CREATE FUNCTION app.notify_device_gone() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('catflap_changed', 'device:' || OLD.id);
            RETURN NULL;
        END
    $$""",
    """CREATE TRIGGER device_gone AFTER DELETE ON app.devices
        FOR EACH ROW EXECUTE FUNCTION app.notify_device_gone()""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
