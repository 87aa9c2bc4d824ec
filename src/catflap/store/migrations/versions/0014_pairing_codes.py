"""Hashes of pairing codes instead of the codes, from where a device asked, and limits of all processes.

A device that waits while this runs has to begin again, because its code can't be hashed here.
"""

from alembic import context, op

revision = "0014"
down_revision = "0013"

_STATEMENTS = (
    "ALTER TABLE app.pairings ADD COLUMN code_hash BYTEA UNIQUE",
    "ALTER TABLE app.pairings ADD COLUMN address TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE app.pairings DROP COLUMN code",
    """CREATE TABLE app.limit_counts (
        name TEXT NOT NULL,
        key_hash BYTEA NOT NULL,
        count INTEGER NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (name, key_hash)
    )""",
    "CREATE INDEX limit_counts_ends_at ON app.limit_counts (ends_at)",
    'GRANT SELECT, INSERT, UPDATE, DELETE ON app.limit_counts TO "{app}"',
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement.format(**context.config.attributes["roles"]))
