"""The tables that announcements are planned from, in the schema `app`; `migrations/` creates them."""

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, Time
from sqlalchemy.dialects.postgresql import JSONB

from catflap.store.tables import identity_column, metadata, time_column, user_column

preferences = Table(
    "preferences",
    metadata,
    user_column(primary_key=True),
    # None: the time zone of Google Calendar applies, or that of the browser.
    Column("zone", Text),
    Column("reminder_minutes", ARRAY(Integer), nullable=False),
    Column("briefing_at", Time),
    Column("dialect_ja", Text, nullable=False),
    Column("dialect_en", Text, nullable=False),
    Column("reminders_from", Text, nullable=False, server_default="preferences"),
    Column("tentative", Text, nullable=False, server_default="maybe"),
    Column("event_types", ARRAY(Text), nullable=False, server_default="{}"),
    Column("evening_at", Time),
    Column("all_day_at", Time, server_default="09:00"),
    Column("countdown_minutes", ARRAY(Integer), nullable=False, server_default="{}"),
    Column("repeat_minutes", Integer),
    # Pairs of a place and the minutes that it takes to get there.
    Column("places", JSONB, nullable=False, server_default="[]"),
    Column("quiet_from", Time),
    Column("quiet_until", Time),
    Column("quiet_word", Text, nullable=False, server_default=""),
    Column("in_meetings", Text, nullable=False, server_default="reminders"),
    Column("talkativeness", Text, nullable=False, server_default="normal"),
    Column("says_private_titles", Boolean, nullable=False, server_default="false"),
    Column("says_moved", Boolean, nullable=False, server_default="true"),
    Column("says_cancelled", Boolean, nullable=False, server_default="false"),
    # In semitones.
    Column("pitch", Integer, nullable=False, server_default="0"),
    # None: the best engine of the installation.
    Column("engine_ja", Text),
    Column("engine_en", Text),
    time_column("updated_at"),
    schema="app",
)


# The reading dictionary of a user: how words of titles are spoken.
readings = Table(
    "readings",
    metadata,
    user_column(primary_key=True),
    Column("word", Text, primary_key=True),
    Column("reading", Text, nullable=False),
    schema="app",
)


# What the current plan of a user was made from, and how long it stays the same if that does.
plans = Table(
    "plans",
    metadata,
    user_column(primary_key=True),
    Column("inputs", Text, nullable=False),
    # The timed occurrences that it saw: calendar and its generation, instance, start, title, whether private.
    Column("occurrences", JSONB, nullable=False, server_default="[]"),
    time_column("planned_at"),
    time_column("valid_until"),
    schema="app",
)


# What a user did about an occurrence that a device announced.
reactions = Table(
    "reactions",
    metadata,
    identity_column(),
    user_column(),
    # `acknowledged` or `snoozed`.
    Column("action", Text, nullable=False),
    Column("occurrence", Text, nullable=False),
    time_column("at"),
    # When a snoozed one is announced again.
    time_column("play_at", nullable=True),
    Index("reactions_user", "user_id"),
    Index("reactions_at", "at"),
    schema="app",
)


# Changes of occurrences that were announced or are soon, to be told.
occurrence_changes = Table(
    "occurrence_changes",
    metadata,
    identity_column(),
    user_column(),
    Column("calendar_id", BigInteger, ForeignKey("app.calendars.id", ondelete="CASCADE"), nullable=False),
    # `moved` or `cancelled`.
    Column("change", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("is_private", Boolean, nullable=False),
    # The start before, and that of an event that was moved.
    time_column("starts_at"),
    time_column("moved_to", nullable=True),
    time_column("noticed_at"),
    Index("occurrence_changes_user", "user_id"),
    Index("occurrence_changes_calendar", "calendar_id"),
    Index("occurrence_changes_noticed_at", "noticed_at"),
    schema="app",
)
