"""How announcements reach each device, and the room it stands in."""

from alembic import context, op

revision = "0013"
down_revision = "0012"

_STATEMENTS = (
    "ALTER TABLE app.devices ADD COLUMN channel TEXT NOT NULL DEFAULT 'https'",
    "ALTER TABLE app.devices ADD COLUMN room TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE app.devices ADD COLUMN entity TEXT",
    "CREATE INDEX devices_channel ON app.devices (channel, id) WHERE channel <> 'https'",
    "ALTER TABLE app.pairings ADD COLUMN channel TEXT NOT NULL DEFAULT 'https'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement.format(**context.config.attributes["roles"]))
