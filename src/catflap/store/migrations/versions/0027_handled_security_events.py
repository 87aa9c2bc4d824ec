"""Index handled security events by time, for the deletion of old ones."""

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.execute("CREATE INDEX risc_events_done ON app.risc_events (done_at) WHERE done_at IS NOT NULL")
