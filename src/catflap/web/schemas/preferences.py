"""How and when announcements are made for a user."""

from datetime import time
from typing import Annotated, Self

from pydantic import Field, WithJsonSchema

from catflap.announcements.preferences import OptionalType, Preferences, RemindersFrom, Tentative
from catflap.announcements.zones import ZoneSource
from catflap.web.input_types import Text
from catflap.web.schemas.base import Answer, StrictBody, text_like

ZoneName = Annotated[Text, Field(max_length=64, examples=["Europe/Berlin"])]
_CLOCK = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["08:00"]}
ClockTime = Annotated[
    time, Field(strict=False), text_like(r"\d\d:\d\d", "a time of day such as 08:00"), WithJsonSchema(_CLOCK)
]


class PreferencesBody(StrictBody):
    """Preferences to store: how and when announcements are made."""

    zone: ZoneName | None = Field(description="null follows Google Calendar, or the browser.")
    zone_source: ZoneSource | None = Field(
        None, description="As it was read; with anything but `user`, an unchanged zone goes on following."
    )
    reminder_minutes: Annotated[
        list[Annotated[int, Field(ge=0, le=40320)]], Field(max_length=5, examples=[[10]])
    ]
    briefing_at: ClockTime | None = Field(description="When the morning briefing is; null for none.")
    dialect_ja: Annotated[Text, Field(max_length=40, examples=["kansai"])]
    dialect_en: Annotated[Text, Field(max_length=40, examples=["kitten"])]
    # A client that does not know these keeps what the person chose elsewhere.
    reminders_from: RemindersFrom | None = None
    tentative: Tentative | None = None
    event_types: Annotated[list[OptionalType], Field(max_length=10)] | None = None


class BrowserZone(StrictBody):
    """The time zone of a browser."""

    zone: ZoneName


class PreferencesResource(Answer):
    """Preferences of a user: how and when announcements are made."""

    zone: str
    zone_source: ZoneSource = Field(description="Where `zone` comes from; only `user` is a choice.")
    reminder_minutes: list[int]
    briefing_at: Annotated[str, Field(json_schema_extra={"examples": ["08:00"]})] | None
    dialect_ja: str
    dialect_en: str
    reminders_from: RemindersFrom
    tentative: Tentative
    event_types: list[OptionalType]

    @classmethod
    def of(cls, preferences: Preferences) -> Self:
        """Build it from stored preferences."""
        at = preferences.briefing_at
        return cls(
            zone=preferences.zone,
            zone_source=preferences.zone_source,
            reminder_minutes=list(preferences.reminder_minutes),
            briefing_at=at.strftime("%H:%M") if at else None,
            dialect_ja=preferences.dialect_ja,
            dialect_en=preferences.dialect_en,
            reminders_from=preferences.reminders_from,
            tentative=preferences.tentative,
            event_types=list(preferences.event_types),
        )
