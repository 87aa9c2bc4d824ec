"""The tables, for SQLAlchemy Core; `migrations/` creates them.

Two schemas, two roles: `vault` for encrypted tokens, `app` for everything else. The role of `app` has no
rights on `vault`. No column defaults to the time of the database: all times come from the application's
clock.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Time,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _at(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _user(*, primary_key: bool = False) -> Column[int]:
    return Column(
        "user_id",
        BigInteger,
        ForeignKey("app.users.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )


def _account_key() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["user_id", "account_sub"], ["app.accounts.user_id", "app.accounts.sub"], ondelete="CASCADE"
    )


users = Table(
    "users",
    metadata,
    _id(),
    # The id of this user in an app with its own login.
    Column("external_id", Text, unique=True),
    Column("browser_zone", Text),
    _at("created_at"),
    schema="app",
)

accounts = Table(
    "accounts",
    metadata,
    _user(primary_key=True),
    Column("sub", Text, primary_key=True),
    # A linked account gives access to calendars; only one that signs in opens a session.
    Column("signs_in", Boolean, nullable=False, server_default="false"),
    Column("asked_scopes", ARRAY(Text), nullable=False, server_default="{}"),
    Column("email", Text, nullable=False),
    Column("email_verified", Boolean, nullable=False),
    Column("name", Text),
    Column("given_name", Text),
    Column("family_name", Text),
    Column("picture", Text),
    Column("locale", Text),
    Column("hosted_domain", Text),
    Column("is_primary", Boolean, nullable=False),
    # Set by a RISC event: the account must not sign in for now.
    _at("disabled_at", nullable=True),
    _at("created_at"),
    _at("updated_at"),
    Index("accounts_sub_signs_in", "sub", unique=True, postgresql_where=text("signs_in")),
    schema="app",
)

sessions = Table(
    "sessions",
    metadata,
    _id(),
    _user(),
    Column("kind", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("user_agent", Text),
    _at("created_at"),
    _at("last_used_at"),
    _at("expires_at"),
    schema="app",
)

# One-time links by which other back ends ask their users for a consent.
consents = Table(
    "consents",
    metadata,
    _id(),
    _user(),
    Column("ticket_hash", LargeBinary, nullable=False, unique=True),
    Column("purpose", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("account_sub", Text),
    Column("return_to", Text, nullable=False),
    Column("select_account", Boolean, nullable=False, server_default="false"),
    Column("state", Text, nullable=False),
    # Google's response, encrypted with the code that only `return_to` received.
    Column("sealed_answer", Text),
    _at("created_at"),
    _at("expires_at"),
    schema="app",
)

signin_attempts = Table(
    "signin_attempts",
    metadata,
    Column("state_hash", LargeBinary, primary_key=True),
    Column("browser_hash", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("next", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("user_id", BigInteger, ForeignKey("app.users.id", ondelete="CASCADE")),
    Column("account_sub", Text),
    Column("consent_id", BigInteger, ForeignKey("app.consents.id", ondelete="CASCADE")),
    Column("forced", Boolean, nullable=False),
    # The session that the browser had when this began, if any.
    Column("session_id", BigInteger),
    # Set while a response is handled, and for good once one was accepted.
    _at("used_at", nullable=True),
    _at("expires_at"),
    Index("signin_attempts_expires_at", "expires_at"),
    schema="app",
)

preferences = Table(
    "preferences",
    metadata,
    _user(primary_key=True),
    # None: the time zone of Google Calendar applies, or that of the browser.
    Column("zone", Text),
    Column("reminder_minutes", ARRAY(Integer), nullable=False),
    Column("briefing_at", Time),
    Column("dialect_ja", Text, nullable=False),
    Column("dialect_en", Text, nullable=False),
    Column("reminders_from", Text, nullable=False, server_default="preferences"),
    Column("tentative", Text, nullable=False, server_default="maybe"),
    Column("event_types", ARRAY(Text), nullable=False, server_default="{}"),
    _at("updated_at"),
    schema="app",
)

calendars = Table(
    "calendars",
    metadata,
    _id(),
    _user(),
    Column("account_sub", Text, nullable=False),
    Column("google_id", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("is_primary", Boolean, nullable=False),
    Column("is_selected", Boolean, nullable=False),
    # Google's `defaultReminders` of the method `popup`, in minutes.
    Column("default_reminders", ARRAY(Integer), nullable=False, server_default="{}"),
    Column("sync_token", Text),
    _at("synced_at", nullable=True),
    # Why the last attempt to read it failed, as the code of an error; None when it did not.
    Column("problem", Text),
    _at("problem_since", nullable=True),
    _account_key(),
    UniqueConstraint("user_id", "account_sub", "google_id"),
    schema="app",
)

# The state of reading one account's calendars, also while there are none yet.
calendar_syncs = Table(
    "calendar_syncs",
    metadata,
    _user(primary_key=True),
    Column("account_sub", Text, primary_key=True),
    _at("listed_at", nullable=True),
    # Calendar's own setting, where the grant lets us read it.
    Column("time_zone", Text),
    # The interval of regular syncs counts from here: the last one, or the end of a pause Google wants.
    _at("waits_from"),
    _at("retry_at", nullable=True),
    Column("failures", Integer, nullable=False),
    Column("problem", Text),
    _at("problem_since", nullable=True),
    _account_key(),
    Index("calendar_syncs_due", "waits_from"),
    schema="app",
)

# Calendars that were removed from Google's list, shown for a while.
removed_calendars = Table(
    "removed_calendars",
    metadata,
    _user(primary_key=True),
    Column("account_sub", Text, primary_key=True),
    Column("google_id", Text, primary_key=True),
    Column("summary", Text, nullable=False),
    _at("removed_at"),
    _account_key(),
    schema="app",
)

events = Table(
    "events",
    metadata,
    Column("calendar_id", BigInteger, ForeignKey("app.calendars.id", ondelete="CASCADE"), primary_key=True),
    Column("google_id", Text, primary_key=True),
    Column("recurring_event_id", Text),
    Column("recurs", Boolean, nullable=False),
    _at("starts_at", nullable=True),
    _at("ends_at", nullable=True),
    Column("resource", JSONB, nullable=False),
    schema="app",
)

devices = Table(
    "devices",
    metadata,
    _id(),
    _user(),
    Column("name", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("volume", Integer, nullable=False),
    _at("muted_until", nullable=True),
    Column("schedule_version", BigInteger, nullable=False),
    # The session of a browser device, which is deleted with it; None for paired devices.
    Column("session_id", BigInteger, ForeignKey("app.sessions.id", ondelete="CASCADE")),
    _at("created_at"),
    _at("last_seen_at", nullable=True),
    Index("devices_session", "session_id"),
    schema="app",
)

pairings = Table(
    "pairings",
    metadata,
    Column("handle_hash", LargeBinary, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("model", Text, nullable=False),
    Column("device_id", BigInteger, ForeignKey("app.devices.id", ondelete="CASCADE")),
    _at("expires_at"),
    schema="app",
)

sounds = Table(
    "sounds",
    metadata,
    Column("key", Text, primary_key=True),
    Column("wav", LargeBinary, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    _at("created_at"),
    schema="app",
)

announcements = Table(
    "announcements",
    metadata,
    Column("id", Text, primary_key=True),
    _user(),
    Column("device_id", BigInteger, ForeignKey("app.devices.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    _at("play_at"),
    _at("expires_at"),
    Column("titles", ARRAY(Text), nullable=False),
    Column("event_start", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("display", Text, nullable=False),
    Column("spoken", Text, nullable=False),
    Column("sound_key", Text, nullable=False),
    Column("detail", Text),
    _at("updated_at"),
    UniqueConstraint("device_id", "key"),
    schema="app",
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("key", LargeBinary, nullable=False),
    schema="app",
)

# In the vault, because a key inserted here could be used to get tokens.
api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("rights", ARRAY(Text), nullable=False),
    Column("user_ids", ARRAY(BigInteger)),
    Column("scopes", ARRAY(Text)),
    Column("per_minute", Integer, nullable=False),
    _at("created_at"),
    _at("expires_at", nullable=True),
    _at("last_used_at", nullable=True),
    _at("revoked_at", nullable=True),
    schema="vault",
)

# Audit log. Without foreign keys: entries outlive the users and keys that they name.
audit = Table(
    "audit",
    metadata,
    _id(),
    _at("at"),
    Column("action", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("key_id", BigInteger),
    Column("user_id", BigInteger),
    Column("account_sub", Text),
    Column("detail", Text),
    Index("audit_at", "at"),
    Index("audit_user", "user_id", "at"),
    schema="app",
)

risc_events = Table(
    "risc_events",
    metadata,
    Column("jti", Text, primary_key=True),
    Column("events", JSONB, nullable=False),
    _at("received_at"),
    _at("done_at", nullable=True),
    schema="app",
)

google_tokens = Table(
    "google_tokens",
    metadata,
    _id(),
    # A grant is its main row and those that supplement it: tokens whose scopes no other token covers.
    Column("supplements", BigInteger, ForeignKey("vault.google_tokens.id", ondelete="CASCADE")),
    _user(),
    Column("account_sub", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("refresh_token", LargeBinary),
    Column("access_token", LargeBinary),
    _at("expires_at", nullable=True),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    _at("ended_at", nullable=True),
    Column("version", BigInteger, nullable=False),
    # The lease of the process that refreshes; without an id it is a pause after a failure.
    Column("lease_id", Text),
    _at("lease_until", nullable=True),
    Column("failures", Integer, nullable=False),
    _at("refreshed_at", nullable=True),
    _at("used_at", nullable=True),
    _at("refresh_expires_at", nullable=True),
    # Fingerprints by which RISC events identify a refresh token, for lookups only.
    Column("token_prefix_hash", LargeBinary),
    Column("token_hash", LargeBinary),
    _at("created_at"),
    _at("updated_at"),
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
    Index("google_tokens_supplements", "supplements"),
    Index("google_tokens_client", "client_id"),
    # For the ids of the keys in use (`catflap.vault.sealed_columns`).
    Index("google_tokens_refresh_key", text("substr(refresh_token, 1, 5)")),
    Index("google_tokens_access_key", text("substr(access_token, 1, 5)")),
    schema="vault",
)

webhooks = Table(
    "webhooks",
    metadata,
    _id(),
    Column("url", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("events", ARRAY(Text), nullable=False),
    _at("created_at"),
    schema="vault",
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("webhook_id", BigInteger, ForeignKey("vault.webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("outcome", Text),
    _at("created_at"),
    _at("due_at"),
    _at("done_at", nullable=True),
    Index("webhook_deliveries_due", "done_at", "due_at"),
    schema="vault",
)
