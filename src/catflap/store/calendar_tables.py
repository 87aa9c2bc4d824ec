"""The tables of calendars in the schema `app`, for SQLAlchemy Core; `migrations/` creates them."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from catflap.store.tables import account_key, identity_column, metadata, time_column, user_column

calendars = Table(
    "calendars",
    metadata,
    identity_column(),
    user_column(),
    Column("account_sub", Text, nullable=False),
    Column("google_id", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("is_primary", Boolean, nullable=False),
    # What applies: the user's choice here, or else what is selected at Google.
    Column("is_selected", Boolean, nullable=False),
    Column("is_selected_at_google", Boolean, nullable=False, server_default="false"),
    Column("is_selected_by_user", Boolean),
    # How its events are announced: with None as all others, and with false as "an appointment".
    Column("reminder_minutes", ARRAY(Integer)),
    Column("says_titles", Boolean, nullable=False, server_default="true"),
    Column("ignores_quiet", Boolean, nullable=False, server_default="false"),
    Column("access_role", Text, nullable=False, server_default=""),
    Column("background_color", Text),
    Column("foreground_color", Text),
    # Google's `defaultReminders` of the method `popup`, in minutes.
    Column("default_reminders", ARRAY(Integer), nullable=False, server_default="{}"),
    Column("sync_token", Text),
    time_column("synced_at", nullable=True),
    # Of the events that are read; those of an unfinished full sync have the next number.
    Column("generation", BigInteger, nullable=False, server_default="0"),
    # Where an unfinished full sync goes on, and the `timeMin` it began with.
    Column("page_token", Text),
    time_column("page_time_min", nullable=True),
    time_column("sync_due_at"),
    # Set by a push notification, reset when a sync begins.
    Column("is_notified", Boolean, nullable=False, server_default="false"),
    # When a sync last found a change.
    time_column("changed_at", nullable=True),
    # Google has no push notifications for this calendar; asked again later.
    time_column("push_refused_until", nullable=True),
    # Incremented by triggers whenever one of its events is written or deleted.
    Column("events_version", BigInteger, nullable=False, server_default="0"),
    # Why the last attempt to read it failed, as the code of an error; None when it did not.
    Column("problem", Text),
    time_column("problem_since", nullable=True),
    account_key(),
    UniqueConstraint("user_id", "account_sub", "google_id"),
    schema="app",
)

# The state of reading one account's calendars, also while there are none yet.
calendar_syncs = Table(
    "calendar_syncs",
    metadata,
    user_column(primary_key=True),
    Column("account_sub", Text, primary_key=True),
    time_column("listed_at", nullable=True),
    # Calendar's own setting, where the grant lets us read it.
    Column("time_zone", Text),
    Column("list_sync_token", Text),
    time_column("list_due_at"),
    Column("is_list_notified", Boolean, nullable=False, server_default="false"),
    # When a sync is enqueued: the first of the due times of the list and the calendars.
    time_column("due_at"),
    time_column("retry_at", nullable=True),
    Column("failures", Integer, nullable=False),
    Column("problem", Text),
    time_column("problem_since", nullable=True),
    account_key(),
    Index("calendar_syncs_due", "due_at"),
    schema="app",
)

# Calendars that were removed from Google's list, shown for a while.
removed_calendars = Table(
    "removed_calendars",
    metadata,
    user_column(primary_key=True),
    Column("account_sub", Text, primary_key=True),
    Column("google_id", Text, primary_key=True),
    Column("summary", Text, nullable=False),
    time_column("removed_at"),
    account_key(),
    schema="app",
)

events = Table(
    "events",
    metadata,
    Column("calendar_id", BigInteger, ForeignKey("app.calendars.id", ondelete="CASCADE"), primary_key=True),
    Column("generation", BigInteger, primary_key=True),
    Column("google_id", Text, primary_key=True),
    Column("recurring_event_id", Text),
    Column("recurs", Boolean, nullable=False),
    time_column("starts_at", nullable=True),
    time_column("ends_at", nullable=True),
    Column("resource", JSONB, nullable=False),
    schema="app",
)

# Push channels at Google, of a calendar's events or of an account's calendar list (`is_list`). One without
# either is no longer wanted, and stopped at the next sync of the account.
push_channels = Table(
    "push_channels",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("account_sub", Text, nullable=False),
    Column("calendar_id", BigInteger, ForeignKey("app.calendars.id", ondelete="SET NULL")),
    Column("is_list", Boolean, nullable=False),
    # Where Google sends its notifications; another one once the operator has moved Catflap.
    Column("address", Text, nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    # Google's, of the response; None before it.
    Column("resource_id", Text),
    time_column("created_at"),
    time_column("expires_at"),
    time_column("notified_at", nullable=True),
    # When polling found a change about which no notification had come.
    time_column("missed_at", nullable=True),
    account_key(),
    Index("push_channels_account", "user_id", "account_sub"),
    Index("push_channels_calendar", "calendar_id"),
    schema="app",
)

# Requests to the Calendar API, counted by all processes together.
request_budgets = Table(
    "request_budgets",
    metadata,
    Column("window_at", DateTime(timezone=True), primary_key=True),
    Column("used", Integer, nullable=False),
    # Those of `used` that were for periodic polling.
    Column("polled", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    schema="app",
)

# Changes of calendars that webhooks are still to be told. Without foreign keys: also those of deleted ones.
calendar_changes = Table(
    "calendar_changes",
    metadata,
    identity_column(),
    Column("user_id", BigInteger, nullable=False),
    Column("account_sub", Text, nullable=False),
    Column("calendar", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("event_ids", ARRAY(Text), nullable=False),
    # Whether these are all that changed; not after a full sync.
    Column("is_complete", Boolean, nullable=False),
    time_column("created_at"),
    Index("calendar_changes_user", "user_id"),
    Index("calendar_changes_created_at", "created_at"),
    schema="app",
)
