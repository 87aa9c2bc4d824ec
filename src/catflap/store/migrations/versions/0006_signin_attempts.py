"""Attempts to sign in survive a refused code and know their session; consent links may offer the accounts."""

from alembic import op

revision = "0006"
down_revision = "0005"

_STATEMENTS = (
    "ALTER TABLE app.signin_attempts ADD COLUMN session_id BIGINT,"
    " ADD COLUMN used_at TIMESTAMP WITH TIME ZONE",
    # Expired attempts are deleted by it, also when a flood has left many.
    "CREATE INDEX signin_attempts_expires_at ON app.signin_attempts (expires_at)",
    "ALTER TABLE app.consents ADD COLUMN select_account BOOLEAN NOT NULL DEFAULT false",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
