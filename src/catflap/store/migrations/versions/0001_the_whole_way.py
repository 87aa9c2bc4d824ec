"""Users, sessions, calendars, announcements, devices, the vault and the job queue."""

from pathlib import Path

from alembic import context, op

from catflap.store.queue import install_sql
from catflap.store.script import run_script

revision = "0001"
down_revision = None

_TABLES = Path(__file__).with_suffix(".sql")

# The vault may reference users and enqueue jobs, so that a grant and what follows from it commit together.
# The role of `app` gets no right on `vault`, and neither role is a member of the other.
_RIGHTS = """
GRANT USAGE ON SCHEMA app, queue TO "{app}";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app, queue TO "{app}";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA app, queue TO "{app}";
REVOKE ALL ON app.schema_version FROM "{app}";
GRANT USAGE ON SCHEMA vault, queue TO "{vault}";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA vault TO "{vault}";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA vault, queue TO "{vault}";
GRANT SELECT, INSERT ON queue.pgqueuer, queue.pgqueuer_log TO "{vault}";
"""


def upgrade() -> None:
    scripts = (
        "CREATE SCHEMA vault; CREATE SCHEMA queue;",
        _TABLES.read_text(),
        install_sql(),
        # Without it, asking for the next due job scans the whole queue.
        "CREATE INDEX pgqueuer_due ON queue.pgqueuer (execute_after) WHERE status = 'queued';",
        _RIGHTS.format(**context.config.attributes["roles"]),
    )
    for script in scripts:
        run_script(op.get_bind(), script)
