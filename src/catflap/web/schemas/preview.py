"""What would be said on a day with other preferences."""

from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date, timedelta
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, WithJsonSchema

from catflap.announcements.planned import HeldFor, Kind, PlannedAnnouncement
from catflap.announcements.preferences import Preferences
from catflap.announcements.preview import Preview
from catflap.announcements.zones import ZoneSource
from catflap.errors import BadRequest
from catflap.speech import Language
from catflap.web.input_types import Id
from catflap.web.schemas.base import Answer, Instant, StrictBody, text_like
from catflap.web.schemas.calendars import CalendarBody
from catflap.web.schemas.preferences import PreferenceChanges

_NamedDay = Literal["today", "tomorrow"]
_DAYS_PAST, _DAYS_AHEAD = 7, 366
_Date = Annotated[
    date,
    Field(strict=False),
    text_like(r"\d{4}-\d\d-\d\d$", "today, tomorrow or a date such as 2026-11-24"),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-11-24"]}),
]
_SAMPLE = (
    "The language of a made-up day that is taken where the calendars have no appointments; null for none."
)


class PreviewedCalendar(CalendarBody):
    """Choices for a calendar, to preview; those left out are as they are."""

    id: Id
    selected: bool | None = Field(
        None, description="false leaves its events out; the events of one that is not read are not known."
    )


class DayPreviewBody(StrictBody):
    """A day, and what would be different."""

    day: _NamedDay | _Date = Field(
        "tomorrow",
        description=f"In the user's time zone; from {_DAYS_PAST} days ago to {_DAYS_AHEAD} days ahead.",
    )
    preferences: PreferenceChanges | None = Field(None, description="Those to preview.")
    calendars: Annotated[list[PreviewedCalendar], Field(max_length=500)] = Field(default_factory=list)
    sample: Language | None = Field(None, description=_SAMPLE, examples=["en"])

    def date(self, today: date) -> date:
        """Return the day as a date.

        Raises:
            BadRequest: `invalid_request` for one whose events are not kept, or that is far ahead.
        """
        if self.day in get_args(_NamedDay):
            return today if self.day == "today" else today + timedelta(days=1)
        assert isinstance(self.day, date)
        if not -_DAYS_PAST <= (self.day - today).days <= _DAYS_AHEAD:
            raise BadRequest(
                "invalid_request", f"day: from {_DAYS_PAST} days ago to {_DAYS_AHEAD} days ahead."
            )
        return self.day

    def applied_to(self, before: Preferences) -> Preferences:
        """Return preferences with these changes, also those of single calendars.

        Raises:
            BadRequest: as `Preferences`.
        """
        own = {one.id: replace(before.of_calendar(one.id), **one.choices()) for one in self.calendars}
        chosen = self.preferences.applied_to(before) if self.preferences else before
        return replace(chosen, calendars={**before.calendars, **own})

    @property
    def follows_zone(self) -> bool:
        """Whether the zone is to be that of Google Calendar or the browser."""
        return self.preferences is not None and self.preferences.follows_zone

    @property
    def without(self) -> AbstractSet[int]:
        """The calendars whose events are left out."""
        return {one.id for one in self.calendars if one.selected is False}


class PreviewedAnnouncement(Answer):
    """An announcement as it would be made."""

    key: str = Field(description="The same in each preview in which it would be the same announcement.")
    play_at: Instant
    kind: Kind
    text: str
    language: Language
    dialect: str
    titles: list[str]
    event_start: str
    held_for: HeldFor | None = Field(description="Why it would not be said: the quiet hours or a meeting.")

    @classmethod
    def of(cls, one: PlannedAnnouncement) -> Self:
        """Build it from a planned announcement."""
        return cls(
            key=one.key,
            play_at=one.play_at,
            kind=one.kind,
            text=one.display,
            language=one.language,
            dialect=one.voice.dialect,
            titles=list(one.titles),
            event_start=one.event_start,
            held_for=one.held_for,
        )


class PreviewedMeeting(Answer):
    """A time in which the user is in a meeting."""

    starts_at: Instant
    ends_at: Instant


class PreviewResource(Answer):
    """What would be said on a day on the user's own devices."""

    day: str = Field(json_schema_extra={"format": "date"}, examples=["2026-11-24"])
    zone: str = Field(examples=["Europe/Berlin"])
    zone_source: ZoneSource
    appointments: int = Field(
        description="How many the stored calendars have on that day, also those that are not announced."
    )
    sample: bool = Field(description="Whether the appointments are made up.")
    meetings: list[PreviewedMeeting]
    announcements: list[PreviewedAnnouncement] = Field(
        description="In the order in which they would be said, also those that would be held."
    )

    @classmethod
    def of(cls, preview: Preview, day: date, preferences: Preferences) -> Self:
        """Build it from a preview of a day with these preferences."""
        return cls(
            day=day.isoformat(),
            zone=preferences.zone,
            zone_source=preferences.zone_source,
            appointments=preview.appointments,
            sample=preview.is_sample,
            meetings=[PreviewedMeeting(starts_at=begin, ends_at=end) for begin, end in preview.meetings],
            announcements=[PreviewedAnnouncement.of(one) for one in preview.announcements],
        )
