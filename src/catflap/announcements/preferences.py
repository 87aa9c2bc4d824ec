"""User preferences for announcements: their values and validation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from catflap.announcements.zones import ZoneSource, unknown_zone_error
from catflap.calendars.datetimes import is_zone
from catflap.errors import BadRequest
from catflap.google.calendar import MAX_REMINDER_MINUTES, MAX_REMINDERS
from catflap.speech import HIGHEST_PITCH, LOWEST_PITCH, Language, Talkativeness, Voices, dialects

RemindersFrom = Literal["preferences", "google"]
Tentative = Literal["maybe", "plain", "skip"]
InMeetings = Literal["speak", "reminders", "last_minutes", "silent"]
# Google's event types that usually need no reminder; they are announced only if chosen.
OptionalType = Literal["focusTime", "outOfOffice", "workingLocation"]
OPTIONAL_TYPES: frozenset[str] = frozenset(get_args(OptionalType))
MAX_PLACES = 50
MAX_COUNTDOWNS = 5
MAX_COUNTDOWN_MINUTES = 60
MAX_REPEAT_MINUTES = 30
MAX_TRAVEL_MINUTES = 24 * 60
MAX_PLACE = 100
MAX_QUIET_WORD = 40


def check_reminders(minutes: tuple[int, ...]) -> None:
    """Raise `BadRequest` (`reminders_invalid`) unless these can be the times of reminders."""
    if len(minutes) > MAX_REMINDERS or not all(0 <= one <= MAX_REMINDER_MINUTES for one in minutes):
        raise BadRequest("reminders_invalid", "At most five reminders, each 0 to 40320 minutes ahead.")


@dataclass(frozen=True)
class Place:
    """A place and how long the way there takes.

    Args:
        name: What the location of an event contains, in upper or lower case.
        minutes: 1 to 1440.
    """

    name: str = field(repr=False)
    minutes: int


@dataclass(frozen=True)
class CalendarPreferences:
    """How the events of one calendar are announced.

    Args:
        reminder_minutes: As of `Preferences`, instead of those and of Google's; None for the same as all.
        says_titles: Whether titles are said; else each event is "an appointment".
        ignores_quiet: Whether they are also announced during the quiet hours.
    """

    reminder_minutes: tuple[int, ...] | None = None
    says_titles: bool = True
    ignores_quiet: bool = False

    def __post_init__(self) -> None:
        check_reminders(self.reminder_minutes or ())


_LIKE_ALL = CalendarPreferences()


@dataclass(frozen=True)
class Preferences:
    """One user's preferences. All times of day are in `zone`.

    Args:
        zone: IANA name.
        reminder_minutes: How long before each event; 0 is at its start. Unused if `reminders_from` is
            `google`.
        briefing_at: When the morning briefing is; None for none.
        dialect_ja: Phrasebook for Japanese titles.
        dialect_en: Phrasebook for all others.
        reminders_from: `preferences` for `reminder_minutes`, `google` for the pop-up reminders that each
            event has in Google Calendar.
        tentative: How tentative events and unanswered invitations are announced: `maybe` with a word that
            marks them, `plain` like all others, `skip` not at all.
        event_types: Which of `OPTIONAL_TYPES` are announced.
        evening_at: When the evening announces the next day; None for never.
        all_day_at: When all-day events are announced, on days without a briefing; None for never.
        countdown_minutes: How long before each event the minutes left are said, whatever became of its
            reminders.
        repeat_minutes: After how many minutes an announced start is said again, until somebody acknowledges
            it, at most five times; None for never.
        places: The time to leave is announced for events there.
        quiet_from: When the quiet hours begin, in which announcements are held; None for no quiet hours.
        quiet_until: When they end, on the next day if that is earlier.
        quiet_word: An event with this word in its title is announced also then; "" for none.
        in_meetings: What is said while the user is in a meeting: all (`speak`), only `reminders`, only
            reminders in its `last_minutes`, or nothing (`silent`).
        talkativeness: `brief`, `normal` or `chatty`.
        says_private_titles: Whether the titles of private events are said.
        says_moved: Whether a change of the time is announced.
        says_cancelled: Whether a cancellation is announced.
        pitch: How much higher than the dialects' own the voices are, in semitones.
        engine_ja: Id of the engine for Japanese; None for the best one, as where it is not installed.
        engine_en: The same for all others.
        calendars: What differs for single calendars, by their id (the row of `app.calendars`).
        zone_source: Where `zone` comes from; only with `user` it is stored.

    Raises:
        BadRequest: `zone_unknown`, `reminders_invalid`, `unknown_dialect`, `preferences_invalid`.
    """

    zone: str = "UTC"
    reminder_minutes: tuple[int, ...] = (10, 0)
    briefing_at: time | None = time(8, 0)
    dialect_ja: str = "kansai"
    dialect_en: str = "kitten"
    reminders_from: RemindersFrom = "preferences"
    tentative: Tentative = "maybe"
    event_types: tuple[OptionalType, ...] = ()
    evening_at: time | None = None
    all_day_at: time | None = time(9, 0)
    countdown_minutes: tuple[int, ...] = ()
    repeat_minutes: int | None = None
    places: tuple[Place, ...] = ()
    quiet_from: time | None = None
    quiet_until: time | None = None
    quiet_word: str = ""
    in_meetings: InMeetings = "reminders"
    talkativeness: Talkativeness = "normal"
    says_private_titles: bool = False
    says_moved: bool = True
    says_cancelled: bool = False
    pitch: int = 0
    engine_ja: str | None = None
    engine_en: str | None = None
    calendars: Mapping[int, CalendarPreferences] = field(default_factory=dict)
    zone_source: ZoneSource = "user"

    def __post_init__(self) -> None:
        if not is_zone(self.zone):
            raise unknown_zone_error()
        check_reminders(self.reminder_minutes)
        languages = {dialect.id: dialect.language for dialect in dialects()}
        if (languages.get(self.dialect_ja), languages.get(self.dialect_en)) != ("ja", "en"):
            raise BadRequest("unknown_dialect", "There is no such dialect in that language.")
        self._check_choices()
        self._check_values()

    def _check_choices(self) -> None:
        for name, value, allowed in (
            ("reminders_from", {self.reminders_from}, get_args(RemindersFrom)),
            ("tentative", {self.tentative}, get_args(Tentative)),
            ("event_types", set(self.event_types), sorted(OPTIONAL_TYPES)),
            ("in_meetings", {self.in_meetings}, get_args(InMeetings)),
            ("talkativeness", {self.talkativeness}, get_args(Talkativeness)),
        ):
            if not value <= set(allowed):
                raise BadRequest("preferences_invalid", f"{name} must be among {', '.join(allowed)}.")

    def _check_values(self) -> None:
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise _invalid("The quiet hours need both a beginning and an end.")
        if not LOWEST_PITCH <= self.pitch <= HIGHEST_PITCH:
            raise _invalid(f"The pitch is from {LOWEST_PITCH} to {HIGHEST_PITCH} semitones.")
        if len(self.quiet_word) > MAX_QUIET_WORD:
            raise _invalid(f"The word that ends the quiet has at most {MAX_QUIET_WORD} characters.")
        if len(self.countdown_minutes) > MAX_COUNTDOWNS or not all(
            1 <= minutes <= MAX_COUNTDOWN_MINUTES for minutes in self.countdown_minutes
        ):
            raise _invalid(f"At most five countdowns, each 1 to {MAX_COUNTDOWN_MINUTES} minutes ahead.")
        if self.repeat_minutes is not None and not 1 <= self.repeat_minutes <= MAX_REPEAT_MINUTES:
            raise _invalid(f"Announcements are repeated after 1 to {MAX_REPEAT_MINUTES} minutes.")
        if len(self.places) > MAX_PLACES or not all(
            one.name.strip() and len(one.name) <= MAX_PLACE and 1 <= one.minutes <= MAX_TRAVEL_MINUTES
            for one in self.places
        ):
            raise _invalid(
                f"At most {MAX_PLACES} places, each with a name of at most {MAX_PLACE} characters"
                f" and 1 to {MAX_TRAVEL_MINUTES} minutes."
            )

    @property
    def time_zone(self) -> ZoneInfo:
        """`zone` as a tzinfo."""
        return ZoneInfo(self.zone)

    def of_calendar(self, calendar_id: int) -> CalendarPreferences:
        """Return how the events of a calendar are announced."""
        return self.calendars.get(calendar_id, _LIKE_ALL)


def check_engines(chosen: Preferences, before: Preferences, voices: Voices) -> None:
    """Check that engines which a user has newly chosen speak here; one that is gone since may stay chosen.

    Raises:
        BadRequest: `preferences_invalid`.
    """
    languages: tuple[tuple[Language, str | None, str | None], ...] = (
        ("ja", chosen.engine_ja, before.engine_ja),
        ("en", chosen.engine_en, before.engine_en),
    )
    for language, wanted, had in languages:
        known = [engine.id for engine in voices.speaking(language)]
        if wanted not in (None, had, *known):
            raise _invalid(f"engine_{language} must be null, or among {', '.join(known) or 'none'}.")


def _invalid(message: str) -> BadRequest:
    return BadRequest("preferences_invalid", message)
