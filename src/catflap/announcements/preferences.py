"""User preferences for announcements: their values, validation and storage."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from catflap.announcements.zones import ZoneSource, find_zone, unknown_zone_error
from catflap.calendars.datetimes import is_zone
from catflap.errors import BadRequest
from catflap.google.calendar import MAX_REMINDER_MINUTES, MAX_REMINDERS
from catflap.speech import dialects
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.row_mapping import from_row
from catflap.store.single_statements import fetch_alone, fetch_within
from catflap.store.tables import preferences as t

RemindersFrom = Literal["preferences", "google"]
Tentative = Literal["maybe", "plain", "skip"]
# Google's event types that usually need no reminder; they are announced only if chosen.
OptionalType = Literal["focusTime", "outOfOffice", "workingLocation"]
OPTIONAL_TYPES: frozenset[str] = frozenset(get_args(OptionalType))


@dataclass(frozen=True)
class Preferences:
    """One user's preferences.

    Args:
        zone: IANA name.
        reminder_minutes: How long before each event; 0 is at its start. Unused if `reminders_from` is
            `google`.
        briefing_at: When the morning briefing is, in `zone`; None for none.
        dialect_ja: Phrasebook for Japanese titles.
        dialect_en: Phrasebook for all others.
        reminders_from: `preferences` for `reminder_minutes`, `google` for the pop-up reminders that each
            event has in Google Calendar.
        tentative: How tentative events and unanswered invitations are announced: `maybe` with a word that
            marks them, `plain` like all others, `skip` not at all.
        event_types: Which of `OPTIONAL_TYPES` are announced.
        zone_source: Where `zone` comes from; only with `user` it is stored.

    Raises:
        BadRequest: `zone_unknown`, `reminders_invalid`, `unknown_dialect`, `preferences_invalid`.
    """

    zone: str = "UTC"
    reminder_minutes: tuple[int, ...] = (10,)
    briefing_at: time | None = time(8, 0)
    dialect_ja: str = "kansai"
    dialect_en: str = "kitten"
    reminders_from: RemindersFrom = "preferences"
    tentative: Tentative = "maybe"
    event_types: tuple[OptionalType, ...] = ()
    zone_source: ZoneSource = "user"

    def __post_init__(self) -> None:
        if not is_zone(self.zone):
            raise unknown_zone_error()
        if len(self.reminder_minutes) > MAX_REMINDERS or not all(
            0 <= minutes <= MAX_REMINDER_MINUTES for minutes in self.reminder_minutes
        ):
            raise BadRequest("reminders_invalid", "At most five reminders, each 0 to 40320 minutes ahead.")
        languages = {dialect.id: dialect.language for dialect in dialects()}
        if (languages.get(self.dialect_ja), languages.get(self.dialect_en)) != ("ja", "en"):
            raise BadRequest("unknown_dialect", "There is no such dialect in that language.")
        self._check_choices()

    def _check_choices(self) -> None:
        for name, value, allowed in (
            ("reminders_from", {self.reminders_from}, get_args(RemindersFrom)),
            ("tentative", {self.tentative}, get_args(Tentative)),
            ("event_types", set(self.event_types), sorted(OPTIONAL_TYPES)),
        ):
            if not value <= set(allowed):
                raise BadRequest("preferences_invalid", f"{name} must be among {', '.join(allowed)}.")

    @property
    def time_zone(self) -> ZoneInfo:
        """`zone` as a tzinfo."""
        return ZoneInfo(self.zone)


_PREFERENCES = PreparedQuery(
    text("""
    SELECT p.*, u.browser_zone, (
        SELECT array_agg(zone ORDER BY a.is_primary DESC, a.created_at, a.sub, place)
        FROM app.accounts a
        LEFT JOIN app.calendar_syncs s ON s.user_id = a.user_id AND s.account_sub = a.sub
        LEFT JOIN app.calendars c ON c.user_id = a.user_id AND c.account_sub = a.sub AND c.is_primary
        CROSS JOIN LATERAL (VALUES (1, s.time_zone), (2, c.time_zone)) AS zones (place, zone)
        WHERE a.user_id = u.id
    ) AS google_zones
    FROM app.users u LEFT JOIN app.preferences p ON p.user_id = u.id
    WHERE u.id = :user_id
    """)
)


async def load_preferences(source: AsyncEngine | AsyncConnection, user_id: int) -> Preferences:
    """Return the stored preferences, or the defaults; the time zone is that of `find_zone`."""
    if isinstance(source, AsyncEngine):
        found = await fetch_alone(source, _PREFERENCES, user_id=user_id)
    else:
        found = await fetch_within(source, _PREFERENCES, user_id=user_id)
    if not found:
        return Preferences(zone_source="default")
    (row,) = found
    zone, zone_source = find_zone(row["zone"], row["google_zones"] or (), row["browser_zone"])
    if row["user_id"] is None:
        return Preferences(zone=zone, zone_source=zone_source)
    return from_row(
        Preferences,
        row,
        zone=zone,
        zone_source=zone_source,
        reminder_minutes=tuple(row["reminder_minutes"]),
        event_types=tuple(row["event_types"]),
    )


async def save_preferences(
    connection: AsyncConnection, user_id: int, preferences: Preferences, now: datetime
) -> None:
    """Store preferences. Does not enqueue a plan; the caller does."""
    briefing_at = preferences.briefing_at
    values = {
        "zone": preferences.zone if preferences.zone_source == "user" else None,
        "reminder_minutes": list(preferences.reminder_minutes),
        "briefing_at": briefing_at.replace(tzinfo=None) if briefing_at else None,
        "dialect_ja": preferences.dialect_ja,
        "dialect_en": preferences.dialect_en,
        "reminders_from": preferences.reminders_from,
        "tentative": preferences.tentative,
        "event_types": list(preferences.event_types),
        "updated_at": now,
    }
    new = insert(t).values(user_id=user_id, **values)
    await connection.execute(new.on_conflict_do_update(index_elements=[t.c.user_id], set_=values))
