"""Several tokens for one grant, and indexes that tell which keys sealed anything."""

from alembic import op

from catflap.store.script import run_script

revision = "0005"
down_revision = "0004"

_SQL = """
ALTER TABLE vault.google_tokens
    ADD COLUMN supplements BIGINT REFERENCES vault.google_tokens (id) ON DELETE CASCADE,
    DROP CONSTRAINT google_tokens_user_id_account_sub_key;
CREATE UNIQUE INDEX google_tokens_main ON vault.google_tokens (user_id, account_sub)
    WHERE supplements IS NULL;
CREATE INDEX google_tokens_user ON vault.google_tokens (user_id, account_sub);
CREATE INDEX google_tokens_supplements ON vault.google_tokens (supplements);
CREATE INDEX google_tokens_client ON vault.google_tokens (client_id);
CREATE INDEX google_tokens_refresh_key ON vault.google_tokens (substr(refresh_token, 1, 5));
CREATE INDEX google_tokens_access_key ON vault.google_tokens (substr(access_token, 1, 5));
"""


def upgrade() -> None:
    run_script(op.get_bind(), _SQL)
