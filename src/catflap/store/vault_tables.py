"""The tables of the schema `vault`, for SQLAlchemy Core; `migrations/` creates them."""

from sqlalchemy import ARRAY, BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from catflap.store.tables import identity_column, metadata, seldom_tasks_table, time_column, user_column

# In the vault, because a key inserted here could be used to get tokens.
api_keys = Table(
    "api_keys",
    metadata,
    identity_column(),
    Column("name", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("rights", ARRAY(Text), nullable=False),
    Column("user_ids", ARRAY(BigInteger)),
    Column("scopes", ARRAY(Text)),
    Column("per_minute", Integer, nullable=False),
    time_column("created_at"),
    time_column("expires_at", nullable=True),
    time_column("last_used_at", nullable=True),
    time_column("revoked_at", nullable=True),
    schema="vault",
)

google_tokens = Table(
    "google_tokens",
    metadata,
    identity_column(),
    # A grant is its main row and those that supplement it: tokens whose scopes no other token covers.
    Column("supplements", BigInteger, ForeignKey("vault.google_tokens.id", ondelete="CASCADE")),
    user_column(),
    Column("account_sub", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("refresh_token", LargeBinary),
    Column("access_token", LargeBinary),
    time_column("expires_at", nullable=True),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    time_column("ended_at", nullable=True),
    Column("version", BigInteger, nullable=False),
    # The lease of the process that refreshes; without an id it is a pause after a failure.
    Column("lease_id", Text),
    time_column("lease_until", nullable=True),
    Column("failures", Integer, nullable=False),
    time_column("refreshed_at", nullable=True),
    time_column("used_at", nullable=True),
    time_column("refresh_expires_at", nullable=True),
    # Fingerprints by which RISC events identify a refresh token, for lookups only.
    Column("token_prefix_hash", LargeBinary),
    Column("token_hash", LargeBinary),
    time_column("created_at"),
    time_column("updated_at"),
    Index("google_tokens_due", "state", "expires_at"),
    Index("google_tokens_account", "account_sub"),
    Index("google_tokens_hash", "token_hash"),
    Index("google_tokens_prefix", "token_prefix_hash"),
    Index(
        "google_tokens_main",
        "user_id",
        "account_sub",
        unique=True,
        postgresql_where=text("supplements IS NULL"),
    ),
    Index("google_tokens_user", "user_id", "account_sub"),
    Index("google_tokens_supplements", "supplements", postgresql_where=text("supplements IS NOT NULL")),
    Index("google_tokens_ended", "ended_at", postgresql_where=text("state <> 'active'")),
    Index(
        "google_tokens_to_revoke",
        "id",
        postgresql_where=text("state = 'revoked' AND refresh_token IS NOT NULL"),
    ),
    Index(
        "google_tokens_refresh_expiry",
        "refresh_expires_at",
        postgresql_where=text("refresh_expires_at IS NOT NULL"),
    ),
    Index("google_tokens_client", "client_id"),
    # For the ids of the keys in use (`catflap.vault.sealed_columns`).
    Index("google_tokens_refresh_key", text("substr(refresh_token, 1, 5)")),
    Index("google_tokens_access_key", text("substr(access_token, 1, 5)")),
    schema="vault",
)

webhooks = Table(
    "webhooks",
    metadata,
    identity_column(),
    Column("url", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("events", ARRAY(Text), nullable=False),
    time_column("created_at"),
    schema="vault",
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("webhook_id", BigInteger, ForeignKey("vault.webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event", Text, nullable=False),
    # What a message is about, if a later one about the same may replace it.
    Column("subject", Text),
    Column("payload", JSONB, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("outcome", Text),
    time_column("created_at"),
    time_column("due_at"),
    time_column("done_at", nullable=True),
    Index("webhook_deliveries_due", "webhook_id", "due_at", postgresql_where=text("done_at IS NULL")),
    Index("webhook_deliveries_done", "done_at", postgresql_where=text("done_at IS NOT NULL")),
    Index("webhook_deliveries_webhook", "webhook_id"),
    Index(
        "webhook_deliveries_subject",
        "webhook_id",
        "subject",
        postgresql_where=text("done_at IS NULL AND subject IS NOT NULL"),
    ),
    Index(
        "webhook_deliveries_subject_done",
        "done_at",
        postgresql_where=text("done_at IS NOT NULL AND subject IS NOT NULL"),
    ),
    # For when a webhook last got a message, and when one was given up.
    Index(
        "webhook_deliveries_delivered",
        "webhook_id",
        "done_at",
        postgresql_where=text("done_at IS NOT NULL AND outcome = 'delivered'"),
    ),
    Index(
        "webhook_deliveries_given_up",
        "webhook_id",
        "done_at",
        postgresql_where=text("done_at IS NOT NULL AND outcome <> 'delivered'"),
    ),
    schema="vault",
)

seldom_tasks = seldom_tasks_table("vault")
