"""Store less about people: short names of browsers, no account in a security event that was handled.

What was stored of User-Agent headers is forgotten, and sign-ins store short names from now on.
"""

from alembic import context, op

revision = "0021"
down_revision = "0016"

_STATEMENTS = (
    "UPDATE app.sessions SET user_agent = NULL WHERE user_agent IS NOT NULL",
    "UPDATE app.risc_events SET events = '[]' WHERE done_at IS NOT NULL",
    # Entries about an account without a user, which are deleted with it.
    "CREATE INDEX audit_account ON app.audit (account_sub) WHERE user_id IS NULL",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement.format(**context.config.attributes["roles"]))
