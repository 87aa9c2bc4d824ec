"""Spell Google's scope `calendar` in full, because the short word is the name of a bundle."""

from alembic import op

revision = "0004"
down_revision = "0003"

# Every list of scopes that is stored, whichever tables there are.
_RENAME = """
DO $$
DECLARE place record;
BEGIN
    FOR place IN
        SELECT table_schema, table_name, column_name FROM information_schema.columns
        WHERE table_schema IN ('app', 'vault') AND column_name IN ('scopes', 'asked_scopes')
            AND data_type = 'ARRAY'
    LOOP
        EXECUTE format(
            'UPDATE %1$I.%2$I SET %3$I = array_replace(%3$I, %4$L, %5$L) WHERE %4$L = ANY(%3$I)',
            place.table_schema, place.table_name, place.column_name,
            'calendar', 'https://www.googleapis.com/auth/calendar'
        );
    END LOOP;
END $$
"""


def upgrade() -> None:
    op.execute(_RENAME)
