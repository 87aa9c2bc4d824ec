"""The tables of the schema `app`, for SQLAlchemy Core; `migrations/` creates them.

Two schemas, two roles: `vault` (`catflap.store.vault_tables`) for encrypted tokens, `app` for everything
else, of which calendars are in `catflap.store.calendar_tables` and what plans are made from is in
`catflap.store.planning_tables`. The role of `app` has no rights on `vault`.
No column defaults to the time of the database: all times come from the application's clock.
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


def identity_column() -> Column[int]:
    """Return the column `id`, numbered by the database."""
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def time_column(name: str, *, nullable: bool = False) -> Column[object]:
    """Return a column for an aware time."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def user_column(*, primary_key: bool = False) -> Column[int]:
    """Return the column `user_id`; rows are deleted with their user."""
    return Column(
        "user_id",
        BigInteger,
        ForeignKey("app.users.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )


def seldom_tasks_table(schema: str) -> Table:
    """Return the table for `catflap.store.seldom` in a schema: when each task is due next."""
    name = Column("name", Text, primary_key=True)
    return Table("seldom_tasks", metadata, name, time_column("due_at"), schema=schema)


def account_key() -> ForeignKeyConstraint:
    """Return the reference of `user_id` and `account_sub` to an account; rows are deleted with it."""
    return ForeignKeyConstraint(
        ["user_id", "account_sub"], ["app.accounts.user_id", "app.accounts.sub"], ondelete="CASCADE"
    )


users = Table(
    "users",
    metadata,
    identity_column(),
    # The id of this user in an app with its own login.
    Column("external_id", Text, unique=True),
    Column("browser_zone", Text),
    # When the next periodic plan of the user's announcements is due; None without a device.
    time_column("plan_due_at", nullable=True),
    # From when to when all of the user's devices are muted, or were the last time.
    time_column("muted_at", nullable=True),
    time_column("muted_until", nullable=True),
    # When they went through, or skipped, the first minute of the page.
    time_column("introduced_at", nullable=True),
    time_column("created_at"),
    Index("users_plan_due", "plan_due_at", postgresql_where=text("plan_due_at IS NOT NULL")),
    schema="app",
)

accounts = Table(
    "accounts",
    metadata,
    user_column(primary_key=True),
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
    time_column("disabled_at", nullable=True),
    time_column("created_at"),
    time_column("updated_at"),
    Index("accounts_sub", "sub"),
    Index("accounts_sub_signs_in", "sub", unique=True, postgresql_where=text("signs_in")),
    schema="app",
)

sessions = Table(
    "sessions",
    metadata,
    identity_column(),
    user_column(),
    Column("kind", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    # Browser and system alone, as `catflap.signin.client_names` shortens the header.
    Column("user_agent", Text),
    time_column("created_at"),
    time_column("last_used_at"),
    time_column("expires_at"),
    Index("sessions_user", "user_id"),
    Index("sessions_expires_at", "expires_at"),
    schema="app",
)

# One-time links by which other back ends ask their users for a consent.
consents = Table(
    "consents",
    metadata,
    identity_column(),
    user_column(),
    Column("ticket_hash", LargeBinary, nullable=False, unique=True),
    Column("purpose", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("account_sub", Text),
    Column("return_to", Text, nullable=False),
    Column("select_account", Boolean, nullable=False, server_default="false"),
    Column("state", Text, nullable=False),
    # Google's response, encrypted with the code that only `return_to` received.
    Column("sealed_answer", Text),
    time_column("created_at"),
    time_column("expires_at"),
    Index("consents_user", "user_id"),
    Index("consents_expires_at", "expires_at"),
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
    time_column("used_at", nullable=True),
    time_column("expires_at"),
    Index("signin_attempts_expires_at", "expires_at"),
    Index("signin_attempts_user", "user_id"),
    Index("signin_attempts_consent", "consent_id"),
    schema="app",
)

# Sign-ins of a command that wait for the browser which is to get their session.
signin_handovers = Table(
    "signin_handovers",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    user_column(),
    # Of the page that may send the token.
    Column("origin", Text, nullable=False),
    time_column("expires_at"),
    Index("signin_handovers_user", "user_id"),
    Index("signin_handovers_expires_at", "expires_at"),
    schema="app",
)

devices = Table(
    "devices",
    metadata,
    identity_column(),
    user_column(),
    Column("name", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("volume", Integer, nullable=False),
    # The format of its sounds, as the text of `catflap.speech.AudioFormat`.
    Column("audio", Text, nullable=False, server_default="wav-16000"),
    # How announcements reach it, as `catflap.devices.devices.Channel`.
    Column("channel", Text, nullable=False, server_default="https"),
    Column("room", Text, nullable=False, server_default=""),
    # The entity of a speaker in Home Assistant.
    Column("entity", Text),
    # The device says nothing between these times in this zone.
    Column("quiet_from", Time),
    Column("quiet_until", Time),
    Column("quiet_zone", Text),
    # An entity there; while it is on, nothing is said on this speaker.
    Column("rest_entity", Text),
    # Whether the speaker gets our volume while it speaks.
    Column("sets_volume", Boolean, nullable=False, server_default="false"),
    time_column("muted_until", nullable=True),
    Column("schedule_version", BigInteger, nullable=False),
    # The session of a browser device, which is deleted with it; None for paired devices.
    Column("session_id", BigInteger, ForeignKey("app.sessions.id", ondelete="CASCADE")),
    time_column("created_at"),
    time_column("last_seen_at", nullable=True),
    Index("devices_session", "session_id"),
    Index("devices_channel", "channel", "id", postgresql_where=text("channel <> 'https'")),
    Index("devices_user", "user_id"),
    schema="app",
)

pairings = Table(
    "pairings",
    metadata,
    Column("handle_hash", LargeBinary, primary_key=True),
    # A keyed hash; None once the device is claimed.
    Column("code_hash", LargeBinary, unique=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("model", Text, nullable=False),
    Column("audio", Text, nullable=False, server_default="wav-16000"),
    Column("channel", Text, nullable=False, server_default="https"),
    # From where the device asked, until it is claimed.
    Column("address", Text, nullable=False, server_default=""),
    Column("device_id", BigInteger, ForeignKey("app.devices.id", ondelete="CASCADE")),
    time_column("expires_at"),
    Index("pairings_device", "device_id"),
    Index("pairings_expires_at", "expires_at"),
    schema="app",
)

# Of rate limits that all processes share: uses in the window that ends then.
limit_counts = Table(
    "limit_counts",
    metadata,
    Column("name", Text, primary_key=True),
    # A keyed hash of the user or the address.
    Column("key_hash", LargeBinary, primary_key=True),
    Column("count", Integer, nullable=False),
    time_column("ends_at"),
    Index("limit_counts_ends_at", "ends_at"),
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
    # When it was rendered, or last found to be in use.
    time_column("used_at"),
    # When a sound is rendered anew that another engine made while a speech server was away.
    time_column("render_again_at", nullable=True),
    Index("sounds_used_at", "used_at"),
    schema="app",
)

# Sounds in other formats than the WAV that was rendered, encoded when a device wants one.
encoded_sounds = Table(
    "encoded_sounds",
    metadata,
    Column("key", Text, ForeignKey("app.sounds.key", ondelete="CASCADE"), primary_key=True),
    Column("audio", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("bytes", Integer, nullable=False),
    schema="app",
)

announcements = Table(
    "announcements",
    metadata,
    Column("id", Text, primary_key=True),
    user_column(),
    Column("device_id", BigInteger, ForeignKey("app.devices.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    time_column("play_at"),
    time_column("expires_at"),
    Column("titles", ARRAY(Text), nullable=False),
    Column("event_start", Text, nullable=False),
    # In which voice it is spoken, as `VoiceChoice`.
    Column("dialect", Text, nullable=False),
    Column("pitch", Integer, nullable=False, server_default="0"),
    Column("engine_ja", Text),
    Column("engine_en", Text),
    Column("display", Text, nullable=False),
    Column("spoken", Text, nullable=False),
    # A hash of what the text was made from; "" for rows of older versions.
    Column("wording", Text, nullable=False, server_default=""),
    Column("sound_key", Text, nullable=False),
    # The occurrences that it is about, as `Occurrence.reference`.
    Column("occurrences", ARRAY(Text), nullable=False, server_default="{}"),
    # Why a planned announcement is held: `quiet` or `meeting`.
    Column("held_for", Text),
    Column("detail", Text),
    time_column("updated_at"),
    UniqueConstraint("device_id", "user_id", "key"),
    Index("announcements_user", "user_id"),
    Index("announcements_sound", "sound_key", "state"),
    Index("announcements_expiry", "state", "expires_at"),
    schema="app",
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("key", LargeBinary, nullable=False),
    schema="app",
)

# Audit log. Without foreign keys: entries outlive the keys that they name. Those about a user are deleted
# with the user (`catflap.signin.users`), and the others when they are old (`catflap.work.retention`).
audit = Table(
    "audit",
    metadata,
    identity_column(),
    time_column("at"),
    Column("action", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("key_id", BigInteger),
    Column("user_id", BigInteger),
    Column("account_sub", Text),
    Column("detail", Text),
    Index("audit_at", "at"),
    Index("audit_user", "user_id", "at"),
    Index("audit_account", "account_sub", postgresql_where=text("user_id IS NULL")),
    schema="app",
)

risc_events = Table(
    "risc_events",
    metadata,
    Column("jti", Text, primary_key=True),
    Column("events", JSONB, nullable=False),
    time_column("received_at"),
    time_column("done_at", nullable=True),
    Index("risc_events_open", "received_at", postgresql_where=text("done_at IS NULL")),
    Index("risc_events_done", "done_at", postgresql_where=text("done_at IS NOT NULL")),
    schema="app",
)

seldom_tasks = seldom_tasks_table("app")
