"""The choice of a voice: its pitch, and the engine for each language."""

from alembic import context, op

revision = "0023"
down_revision = "0022"

_STATEMENTS = tuple(
    f"ALTER TABLE app.{table} ADD COLUMN pitch INTEGER NOT NULL DEFAULT 0,"
    " ADD COLUMN engine_ja TEXT, ADD COLUMN engine_en TEXT"
    for table in ("preferences", "announcements")
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement.format(**context.config.attributes["roles"]))
