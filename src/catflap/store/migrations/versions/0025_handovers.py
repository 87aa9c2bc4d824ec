"""Sign-ins by `catflap signin` that wait for the browser which is to get their session."""

from alembic import context, op

revision = "0025"
down_revision = "0024"

_STATEMENTS = (
    "CREATE TABLE app.signin_handovers ("
    " token_hash BYTEA PRIMARY KEY,"
    " user_id BIGINT NOT NULL REFERENCES app.users (id) ON DELETE CASCADE,"
    " origin TEXT NOT NULL,"
    " expires_at TIMESTAMPTZ NOT NULL)",
    "CREATE INDEX signin_handovers_user ON app.signin_handovers (user_id)",
    "CREATE INDEX signin_handovers_expires_at ON app.signin_handovers (expires_at)",
    'GRANT SELECT, INSERT, UPDATE, DELETE ON app.signin_handovers TO "{app}"',
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement.format(**context.config.attributes["roles"]))
