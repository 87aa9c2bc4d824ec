"""How and when announcements are made for a user."""

from dataclasses import replace
from datetime import time
from types import NoneType
from typing import Annotated, Any, Self, get_args, get_type_hints

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from catflap.announcements.preferences import (
    MAX_COUNTDOWN_MINUTES,
    MAX_COUNTDOWNS,
    MAX_PLACE,
    MAX_PLACES,
    MAX_QUIET_WORD,
    MAX_REPEAT_MINUTES,
    MAX_TRAVEL_MINUTES,
    InMeetings,
    OptionalType,
    Place,
    Preferences,
    RemindersFrom,
    Tentative,
)
from catflap.announcements.zones import ZoneSource
from catflap.google.calendar import MAX_REMINDER_MINUTES, MAX_REMINDERS
from catflap.speech import HIGHEST_PITCH, LOWEST_PITCH, Talkativeness
from catflap.web.input_types import Text
from catflap.web.schemas.base import Answer, StrictBody, text_like

ZoneName = Annotated[Text, Field(max_length=64, examples=["Europe/Berlin"])]
_CLOCK = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["08:00"]}
ClockTime = Annotated[
    time, Field(strict=False), text_like(r"\d\d:\d\d", "a time of day such as 08:00"), WithJsonSchema(_CLOCK)
]
ReminderMinutes = Annotated[
    list[Annotated[int, Field(ge=0, le=MAX_REMINDER_MINUTES)]],
    Field(max_length=MAX_REMINDERS, examples=[[10, 0]]),
]
_Countdowns = Annotated[
    list[Annotated[int, Field(ge=1, le=MAX_COUNTDOWN_MINUTES)]],
    Field(max_length=MAX_COUNTDOWNS, examples=[[5]]),
]
# A word of spaces would be in every title.
_Word = Annotated[Text, AfterValidator(str.strip)]
_DialectJa = Annotated[Text, Field(max_length=40, examples=["kansai"])]
_DialectEn = Annotated[Text, Field(max_length=40, examples=["kitten"])]
_BRIEFING = "When the morning briefing is; null for none."
_EVENING = "When the next day is announced; null for never."
_ALL_DAY = "When all-day events are announced on days without a briefing; null for never."
_COUNTDOWN = "How long before each event the minutes left are said."
_REPEAT = "After how many minutes an announced start is said again until it is acknowledged; null for never."
_PLACES = "The time to leave is announced for events there."
_QUIET_FROM = (
    "When the quiet hours begin, in which announcements are held; null for none, with `quiet_until`."
)
_QUIET_UNTIL = "When they end, on the next day if that is earlier."
_QUIET_WORD = "Events with this word in their title are announced then, too; empty for none."
EngineId = Annotated[Text, Field(min_length=1, max_length=40, examples=["openjtalk"])]
_PITCH = "How much higher than the dialects' own the voices are, in semitones; negative for lower."
_ENGINE_JA = "The engine of `GET /v1/voices` that speaks Japanese; null for the best one."
_ENGINE_EN = "The engine of `GET /v1/voices` that speaks all else; null for the best one."
_IN_MEETINGS = (
    "What is said while the user is in a meeting: `speak` for all, `reminders`, reminders in the "
    "`last_minutes` of the meeting, or nothing (`silent`)."
)


class PlaceBody(StrictBody):
    """A place and how long the way there takes."""

    name: Annotated[_Word, Field(max_length=MAX_PLACE, examples=["Station Street"])] = Field(
        description="What the location of an event contains, in upper or lower case."
    )
    minutes: int = Field(ge=1, le=MAX_TRAVEL_MINUTES, examples=[25])


class PreferenceChanges(StrictBody):
    """Preferences that change; those left out stay as they are, and so do those sent as null in vain."""

    zone: ZoneName | None = Field(None, description="null follows Google Calendar, or the browser.")
    zone_source: ZoneSource | None = Field(
        None, description="As it was read; with anything but `user`, an unchanged zone goes on following."
    )
    reminder_minutes: ReminderMinutes | None = None
    briefing_at: ClockTime | None = Field(None, description=_BRIEFING)
    dialect_ja: _DialectJa | None = None
    dialect_en: _DialectEn | None = None
    reminders_from: RemindersFrom | None = None
    tentative: Tentative | None = None
    event_types: Annotated[list[OptionalType], Field(max_length=10)] | None = None
    evening_at: ClockTime | None = Field(None, description=_EVENING)
    all_day_at: ClockTime | None = Field(None, description=_ALL_DAY)
    countdown_minutes: _Countdowns | None = Field(None, description=_COUNTDOWN)
    repeat_minutes: Annotated[int, Field(ge=1, le=MAX_REPEAT_MINUTES)] | None = Field(
        None, description=_REPEAT
    )
    places: Annotated[list[PlaceBody], Field(max_length=MAX_PLACES)] | None = Field(None, description=_PLACES)
    quiet_from: ClockTime | None = Field(None, description=_QUIET_FROM)
    quiet_until: ClockTime | None = Field(None, description=_QUIET_UNTIL)
    quiet_word: Annotated[_Word, Field(max_length=MAX_QUIET_WORD)] | None = Field(
        None, description=_QUIET_WORD
    )
    in_meetings: InMeetings | None = Field(None, description=_IN_MEETINGS)
    talkativeness: Talkativeness | None = None
    says_private_titles: bool | None = None
    says_moved: bool | None = Field(None, description="Whether a change of the time is announced.")
    says_cancelled: bool | None = Field(None, description="Whether a cancellation is announced.")
    pitch: Annotated[int, Field(ge=LOWEST_PITCH, le=HIGHEST_PITCH)] | None = Field(None, description=_PITCH)
    engine_ja: EngineId | None = Field(None, description=_ENGINE_JA)
    engine_en: EngineId | None = Field(None, description=_ENGINE_EN)

    @property
    def follows_zone(self) -> bool:
        """Whether they choose to follow Google Calendar or the browser."""
        return "zone" in self.model_fields_set and self.zone is None

    def applied_to(self, before: Preferences) -> Preferences:
        """Return preferences with what was sent, and the rest as `before`.

        Raises:
            BadRequest: as `Preferences`.
        """
        sent = {name: getattr(self, name) for name in self.model_fields_set - {"zone", "zone_source"}}
        chosen = {
            name: _plain(value) for name, value in sent.items() if value is not None or name in _NULLABLE
        }
        zone = before.zone if self.zone is None else self.zone
        return replace(before, **chosen, zone=zone, zone_source=self._zone_source(before))

    def _zone_source(self, before: Preferences) -> ZoneSource:
        if "zone" not in self.model_fields_set:
            return before.zone_source
        if self.zone is None or (self.zone == before.zone and self.zone_source not in (None, "user")):
            return "default" if before.zone_source == "user" else before.zone_source
        return "user"


class PreferencesBody(PreferenceChanges):
    """Preferences to store: how and when announcements are made.

    Those that are left out stay as they are, and so do those sent as null where null is no choice. A client
    that does not know the newer ones keeps what the person chose elsewhere.
    """

    zone: ZoneName | None = Field(description="null follows Google Calendar, or the browser.")
    reminder_minutes: ReminderMinutes
    briefing_at: ClockTime | None = Field(description=_BRIEFING)
    dialect_ja: _DialectJa
    dialect_en: _DialectEn


# Of which null is a choice.
_NULLABLE = {name for name, kind in get_type_hints(Preferences).items() if NoneType in get_args(kind)}


def _plain(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return tuple(
        dict.fromkeys(Place(one.name, one.minutes) if isinstance(one, PlaceBody) else one for one in value)
    )


class BrowserZone(StrictBody):
    """The time zone of a browser."""

    zone: ZoneName


def _clock(value: object) -> object:
    return f"{value:%H:%M}" if isinstance(value, time) else value


ClockText = Annotated[str, BeforeValidator(_clock), Field(json_schema_extra={"examples": ["08:00"]})]


class PlaceResource(Answer):
    """A place and how long the way there takes."""

    name: str
    minutes: int


class PreferencesResource(Answer):
    """Preferences of a user: how and when announcements are made."""

    zone: str
    zone_source: ZoneSource = Field(description="Where `zone` comes from; only `user` is a choice.")
    reminder_minutes: list[int]
    briefing_at: ClockText | None
    dialect_ja: str
    dialect_en: str
    reminders_from: RemindersFrom
    tentative: Tentative
    event_types: list[OptionalType]
    evening_at: ClockText | None = Field(description=_EVENING)
    all_day_at: ClockText | None = Field(description=_ALL_DAY)
    countdown_minutes: list[int] = Field(description=_COUNTDOWN)
    repeat_minutes: int | None = Field(description=_REPEAT)
    places: list[PlaceResource] = Field(description=_PLACES)
    quiet_from: ClockText | None = Field(description=_QUIET_FROM)
    quiet_until: ClockText | None = Field(description=_QUIET_UNTIL)
    quiet_word: str = Field(description=_QUIET_WORD)
    in_meetings: InMeetings = Field(description=_IN_MEETINGS)
    talkativeness: Talkativeness
    says_private_titles: bool
    says_moved: bool = Field(description="Whether a change of the time is announced.")
    says_cancelled: bool = Field(description="Whether a cancellation is announced.")
    pitch: int = Field(description=_PITCH)
    engine_ja: str | None = Field(description=_ENGINE_JA)
    engine_en: str | None = Field(description=_ENGINE_EN)

    @classmethod
    def of(cls, preferences: Preferences) -> Self:
        """Build it from stored preferences, whose fields have the same names."""
        return cls.model_validate(preferences, from_attributes=True)
