"""Speakers of Home Assistant: the entity that says when one is silent, and whether its volume is set."""

from alembic import context, op

revision = "0016"
down_revision = "0015"

_STATEMENTS = (
    "ALTER TABLE app.devices ADD COLUMN rest_entity TEXT",
    "ALTER TABLE app.devices ADD COLUMN sets_volume BOOLEAN NOT NULL DEFAULT false",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement.format(**context.config.attributes["roles"]))
