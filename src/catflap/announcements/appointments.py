"""Select what is announced: the occurrences that a user wants to hear of, each with its reminders."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

from catflap.announcements.planned import occurrence_reference
from catflap.announcements.preferences import OPTIONAL_TYPES, Preferences
from catflap.calendars import Occurrence
from catflap.speech import Language, language_of

# A longer event with others, such as a conference of days, is no meeting in which nothing may be said.
LONGEST_MEETING = timedelta(hours=8)


@dataclass(frozen=True)
class Appointment:
    """An occurrence that is announced.

    Args:
        occurrence: It, marked as private if its title must not be said.
        leads: How many minutes ahead it is announced, without duplicates, in order.
        travel_minutes: How long the way there takes; None if that is not known.
        ignores_quiet: Whether it is announced during the quiet hours, too.
        language: Of its title.
    """

    occurrence: Occurrence
    leads: tuple[int, ...]
    travel_minutes: int | None
    ignores_quiet: bool
    language: Language

    @cached_property
    def identity(self) -> list[object]:
        """What identifies its announcements, as JSON; another one after it was moved."""
        one = self.occurrence
        return [one.calendar_id, one.event_id, one.starts_at.isoformat()]

    @cached_property
    def reference(self) -> str:
        """As `occurrence_reference`."""
        return occurrence_reference(self.occurrence)

    @property
    def is_meeting(self) -> bool:
        """Whether the user is with others then and may not want to hear of anything else."""
        one = self.occurrence
        return one.is_meeting and one.ends_at - one.starts_at <= LONGEST_MEETING


def appointments(occurrences: Iterable[Occurrence], preferences: Preferences) -> list[Appointment]:
    """Return what is announced, in order of time.

    Occurrences of one event in two calendars, matched by UID or title, are one appointment: private if one of
    them is, tentative if both are, with the reminders of both.
    """
    found: list[Appointment] = []
    indexes: dict[object, int] = {}
    wanted = [one for one in occurrences if is_announced(one, preferences)]
    for one in sorted(wanted, key=lambda one: (one.calendar_id, one.event_id, one.starts_at)):
        appointment = _appointment(one, preferences)
        identities = [(identity, one.starts_at, one.all_day) for identity in (one.uid, one.title) if identity]
        matches = [indexes[identity] for identity in identities if identity in indexes]
        twin = next(
            (index for index in matches if found[index].occurrence.calendar_id != one.calendar_id), None
        )
        if twin is None:
            for identity in identities:
                indexes.setdefault(identity, len(found))
            found.append(appointment)
        else:
            found[twin] = _merge(found[twin], appointment)
    return sorted(found, key=_order)


def _order(appointment: Appointment) -> tuple[object, ...]:
    one = appointment.occurrence
    return one.starts_at, one.title, one.calendar_id, one.event_id


def is_announced(one: Occurrence, preferences: Preferences) -> bool:
    """Return whether the user wants it announced; events shown as "free" are, as by Google's reminders."""
    asked_for = one.event_type not in OPTIONAL_TYPES or one.event_type in preferences.event_types
    return asked_for and not one.declined and not (one.tentative and preferences.tentative == "skip")


def _appointment(one: Occurrence, preferences: Preferences) -> Appointment:
    own = preferences.of_calendar(one.calendar_id)
    hidden = not own.says_titles or (one.private and not preferences.says_private_titles)
    word = preferences.quiet_word.casefold()
    return Appointment(
        occurrence=one if hidden is one.private else replace(one, private=hidden),
        leads=_leads(one, preferences),
        travel_minutes=None if one.all_day or not one.place else _travel_minutes(one.place, preferences),
        ignores_quiet=own.ignores_quiet or (word != "" and word in one.title.casefold()),
        language=language_of(one.title),
    )


def _leads(one: Occurrence, preferences: Preferences) -> tuple[int, ...]:
    """Return how many minutes ahead of this occurrence it is announced."""
    own = preferences.of_calendar(one.calendar_id).reminder_minutes
    if own is None and preferences.reminders_from == "google":
        return tuple(sorted(set(one.reminders)))
    # All-day events are announced by the briefing.
    chosen = preferences.reminder_minutes if own is None else own
    return () if one.all_day else tuple(sorted(set(chosen)))


def _travel_minutes(place: str, preferences: Preferences) -> int | None:
    """Return the minutes of the longest name that the location contains."""
    where = place.casefold()
    matches = [known for known in preferences.places if known.name.strip().casefold() in where]
    return max(matches, key=lambda known: len(known.name)).minutes if matches else None


def _merge(one: Appointment, twin: Appointment) -> Appointment:
    private = one.occurrence.private or twin.occurrence.private
    tentative = one.occurrence.tentative and twin.occurrence.tentative
    return replace(
        one,
        occurrence=replace(one.occurrence, private=private, tentative=tentative),
        leads=tuple(sorted({*one.leads, *twin.leads})),
        travel_minutes=twin.travel_minutes if one.travel_minutes is None else one.travel_minutes,
        ignores_quiet=one.ignores_quiet or twin.ignores_quiet,
    )
