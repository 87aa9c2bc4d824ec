"""Let the role of the app read the version of the tables, so that it can refuse those of a newer Catflap."""

from alembic import context, op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    roles = context.config.attributes["roles"]
    op.execute('GRANT SELECT ON app.schema_version TO "{app}"'.format(**roles))
