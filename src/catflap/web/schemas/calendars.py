"""Calendars, today's appointments and announcements of a signed-in user."""

from dataclasses import fields
from typing import Annotated, Any, Literal, Self

from pydantic import Field
from sqlalchemy import Row

from catflap.announcements.planned import HeldFor
from catflap.announcements.preferences import CalendarPreferences
from catflap.announcements.zones import ZoneSource
from catflap.calendars import Occurrence
from catflap.errors import BadRequest
from catflap.web.schemas.base import Answer, Instant, StrictBody
from catflap.web.schemas.preferences import ReminderMinutes

Color = Annotated[str, Field(pattern="^#[0-9a-f]{6}$", examples=["#9fe1e7"])]
CalendarState = Literal["current", "waiting", "failing", "gone", "not_selected"]
_REMINDERS = "How long before its events they are announced; null as those of all calendars, [] for never."
_OUTCOMES = frozenset({"played", "failed", "missed", "held"})
_SAYS_TITLES = "Whether titles are said, else each event is an appointment."
_IGNORES_QUIET = "Whether its events are also announced during the quiet hours."

_CHOICES = {one.name for one in fields(CalendarPreferences)}


class CalendarBody(StrictBody):
    """The user's choices for a calendar; those left out stay as they are."""

    selected: bool | None = Field(None, description="null follows Google Calendar.", examples=[True])
    reminder_minutes: ReminderMinutes | None = Field(None, description=_REMINDERS)
    says_titles: bool | None = Field(None, description=f"{_SAYS_TITLES} null for true.")
    ignores_quiet: bool | None = Field(None, description=f"{_IGNORES_QUIET} null for false.")

    def choices(self) -> dict[str, Any]:
        """Return the fields of `CalendarPreferences` that were sent.

        Raises:
            BadRequest: `invalid_request` if nothing was sent.
        """
        if not self.model_fields_set:
            raise BadRequest("invalid_request", f"Send {', '.join(type(self).model_fields)} or some of them.")
        sent = {name: getattr(self, name) for name in self.model_fields_set & _CHOICES}
        minutes = sent.get("reminder_minutes")
        if minutes is not None:
            sent["reminder_minutes"] = tuple(dict.fromkeys(minutes))
        usual = CalendarPreferences()
        return {name: getattr(usual, name) if value is None else value for name, value in sent.items()}


class CalendarProblem(Answer):
    """Problem with a calendar, or with an account's calendar list."""

    code: str = Field(examples=["google_unavailable"])
    message: str
    since: Instant
    retry_at: Instant | None


class CalendarResource(Answer):
    """A calendar with the state of its synchronisation and its problem, if there is one."""

    id: int
    account: str = Field(description="The account's `sub`.")
    summary: str = Field(description="Its name, the user's own for it if there is one.")
    time_zone: str | None
    primary: bool
    access_role: str = Field(
        description="At Google; `freeBusyReader` sees no titles.", examples=["owner", "freeBusyReader"]
    )
    background_color: Color | None
    foreground_color: Color | None
    selected: bool = Field(description="Whether it is read and announced.")
    selected_at_google: bool
    selected_by_user: bool | None = Field(description="The user's choice; null follows Google Calendar.")
    reminder_minutes: list[int] | None = Field(description=_REMINDERS)
    says_titles: bool = Field(description=_SAYS_TITLES)
    ignores_quiet: bool = Field(description=_IGNORES_QUIET)
    events: int = Field(description="How many are kept.")
    synced_at: Instant | None
    state: CalendarState
    problem: CalendarProblem | None


class CalendarListState(Answer):
    """State of the synchronisation of an account's calendar list."""

    account: str
    email: str
    listed_at: Instant | None
    problem: CalendarProblem | None


class RemovedCalendar(Answer):
    """A calendar that left the list of its account."""

    account: str
    summary: str
    code: Literal["not_listed"]
    since: Instant


class PageProblem(Answer):
    """Problem of an account or calendar, as the page shows it."""

    kind: Literal["account", "removed"] | CalendarState
    name: str
    code: str


class CalendarList(Answer):
    """A user's calendars, the state of each account's calendar list, and the calendars that left it."""

    calendars: list[CalendarResource]
    accounts: list[CalendarListState]
    removed: list[RemovedCalendar]

    @property
    def is_syncing(self) -> bool:
        """Whether an initial synchronisation has not finished."""
        if any(one.state == "waiting" for one in self.calendars):
            return True
        return not self.calendars and not any(one.problem for one in self.accounts)

    def page_problems(self) -> list[PageProblem]:
        """Problems of accounts and calendars, and removed calendars."""
        accounts = [
            PageProblem(kind="account", name=one.email, code=one.problem.code)
            for one in self.accounts
            if one.problem
        ]
        unread = [
            PageProblem(kind=one.state, name=one.summary, code=one.problem.code)
            for one in self.calendars
            if one.problem
        ]
        removed = [PageProblem(kind="removed", name=one.summary, code=one.code) for one in self.removed]
        return [*accounts, *unread, *removed]


class Appointment(Answer):
    """One instance of an event."""

    title: str
    starts_at: Instant
    ends_at: Instant
    all_day: bool
    calendar: str = Field(description="The calendar's name.")
    color: Color | None = Field(description="The calendar's.")
    place: str | None
    conference_link: str | None = Field(
        description="Of the video conference, always https.",
        examples=["https://meet.google.com/abc-defg-hij"],
    )
    attendees: int | None = Field(
        description="How many people were invited, the user included; null for more than 25."
    )
    organizer: str | None = Field(description="The name of somebody else who organises it, if it is known.")

    @classmethod
    def of(cls, one: Occurrence, calendar: CalendarResource | None) -> Self:
        """Build it from an occurrence and its calendar; None for one that was deleted since."""
        return cls(
            title=one.title,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            all_day=one.all_day,
            calendar=calendar.summary if calendar else "",
            color=calendar.background_color if calendar else None,
            place=one.place or None,
            conference_link=one.conference_link or None,
            attendees=one.attendee_count,
            organizer=one.organizer or None,
        )


class Today(Answer):
    """Today's appointments, in the user's time zone."""

    zone: str = Field(examples=["Europe/Berlin"])
    zone_source: ZoneSource
    day: str = Field(json_schema_extra={"format": "date"}, examples=["2026-11-24"])
    starts_at: Instant = Field(description="When the day begins; it has 23 or 25 hours where clocks change.")
    ends_at: Instant
    syncing: bool = Field(description="Whether something is being read for the first time.")
    connected: bool = Field(
        description="Whether a Google account is connected; without one nothing is read or announced."
    )
    calendars: int = Field(description="How many calendars are selected.")
    problems: list[PageProblem]
    appointments: list[Appointment]


class AnnouncementResource(Answer):
    """An announcement: one text at one time on one device."""

    id: str
    device: int
    device_name: str
    play_at: Instant
    expires_at: Instant
    kind: str
    text: str
    dialect: str
    titles: list[str]
    event_start: str = Field(
        description="In the user's time zone as RFC 3339; a date for a briefing or an all-day event.",
        examples=["2026-11-24T19:00:00+09:00"],
    )
    state: str = Field(examples=["ready"])
    held_for: HeldFor | None = Field(description="Why a plan holds it: the quiet hours or a meeting.")
    outcome_at: Instant | None = Field(
        description="When it was played, or when it turned out that it was not; null before."
    )
    detail: str | None = Field(
        description="Why it was not played, as the device or Catflap puts it; null if nobody said.",
        examples=["muted", "no_gesture", "offline"],
    )
    seconds: float | None

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Build it from a row of `announcements` with the name of its device and `seconds` of its sound."""
        is_held_by_plan = row.state == "held" and row.held_for is not None
        return cls(
            id=row.id,
            device=row.device_id,
            device_name=row.device_name,
            play_at=row.play_at,
            expires_at=row.expires_at,
            kind=row.kind,
            text=row.display,
            dialect=row.dialect,
            titles=row.titles,
            # As all other times in answers, UTC has a `Z`.
            event_start=row.event_start.replace("+00:00", "Z"),
            state=row.state,
            held_for=row.held_for,
            outcome_at=row.updated_at if row.state in _OUTCOMES and not is_held_by_plan else None,
            detail=row.detail or None,
            seconds=row.seconds,
        )


class AnnouncementList(Answer):
    """Announcements of a user."""

    announcements: list[AnnouncementResource]
