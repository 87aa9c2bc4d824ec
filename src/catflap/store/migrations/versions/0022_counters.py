"""Counts of what happened, for the operator's numbers, and indexes for the last deliveries of a webhook."""

from alembic import context, op

revision = "0022"
down_revision = "0021"

_STATEMENTS = (
    """CREATE TABLE app.counters (
        bucket_at TIMESTAMP WITH TIME ZONE NOT NULL,
        name TEXT NOT NULL,
        label TEXT NOT NULL,
        value BIGINT NOT NULL,
        PRIMARY KEY (bucket_at, name, label)
    )""",
    """CREATE TABLE app.counter_totals (
        name TEXT NOT NULL,
        label TEXT NOT NULL,
        value BIGINT NOT NULL,
        PRIMARY KEY (name, label)
    )""",
    'GRANT SELECT, INSERT, UPDATE, DELETE ON app.counters, app.counter_totals TO "{app}"',
    "CREATE INDEX webhook_deliveries_delivered ON vault.webhook_deliveries (webhook_id, done_at) "
    "WHERE done_at IS NOT NULL AND outcome = 'delivered'",
    "CREATE INDEX webhook_deliveries_given_up ON vault.webhook_deliveries (webhook_id, done_at) "
    "WHERE done_at IS NOT NULL AND outcome <> 'delivered'",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement.format(**context.config.attributes["roles"]))
