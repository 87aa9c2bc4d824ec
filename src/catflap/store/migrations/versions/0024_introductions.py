"""When a user went through, or skipped, the first minute of the page; those who are here know it."""

from alembic import context, op

revision = "0024"
down_revision = "0023"

_STATEMENTS = (
    "ALTER TABLE app.users ADD COLUMN introduced_at TIMESTAMPTZ",
    "UPDATE app.users SET introduced_at = created_at",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement.format(**context.config.attributes["roles"]))
