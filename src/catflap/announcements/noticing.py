"""Notice which occurrences were moved or cancelled since the last plan.

Pure functions. A plan stores which occurrences it saw (`SeenOccurrence`), and the next one compares. The
rules and their reasons: docs/decisions/0030-noticing-changes.md.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from catflap.announcements.appointments import is_announced
from catflap.announcements.facts import OccurrenceChange
from catflap.announcements.preferences import Preferences
from catflap.calendars import Occurrence
from catflap.calendars.datetimes import to_utc

# What began so long ago is still of interest when it changes.
_JUST_PAST = timedelta(minutes=15)
# What began so long before a plan is still seen by it, because it may be moved to later that day.
SEEN_PAST = timedelta(hours=2)
_MOST_SEEN = 500
# Of these only few are told, and each plan reads them all; the oldest are forgotten.
MOST_KNOWN = 500
# Where a series is changed from one instance on, Google ends it and begins another with this id.
_SPLIT = re.compile(r"_R\d{8}(T\d{6}Z?)?$")


@dataclass(frozen=True)
class SeenOccurrence:
    """A timed occurrence that a plan saw.

    Args:
        calendar_id: The row of its calendar.
        generation: That of the calendar's events, which each full sync changes.
        instance: As of `Occurrence`.
        starts_at: Its start.
        title: "" where it is private.
        private: Whether it was.
    """

    calendar_id: int
    generation: int
    instance: str
    starts_at: datetime
    title: str = field(repr=False)
    private: bool

    @property
    def identity(self) -> tuple[int, str]:
        """What identifies it in all calendars."""
        return self.calendar_id, self.instance


class Noticed(NamedTuple):
    """A change, and what identified the occurrence before; a series that was moved has other instances."""

    before: SeenOccurrence
    change: OccurrenceChange


def seen_occurrences(
    occurrences: Iterable[Occurrence],
    preferences: Preferences,
    generations: Mapping[int, int],
    now: datetime,
) -> list[SeenOccurrence]:
    """Return what the next plan compares: what is announced until the end of the user's next day.

    Args:
        occurrences: Of all selected calendars, in order of time.
        preferences: The user's.
        generations: Those of the calendars, by their ids.
        now: The time of the plan.
    """
    first, end = now - SEEN_PAST, _end_of_next_day(now, preferences)
    found = [
        SeenOccurrence(
            calendar_id=one.calendar_id,
            generation=generations[one.calendar_id],
            instance=one.instance,
            starts_at=one.starts_at,
            title="" if one.private else one.title,
            private=one.private,
        )
        for one in occurrences
        if not one.all_day
        and first <= one.starts_at < end
        and one.calendar_id in generations
        and is_announced(one, preferences)
    ]
    return found[:_MOST_SEEN]


def detect_changes(
    before: Sequence[SeenOccurrence],
    seen_at: datetime,
    occurrences: Sequence[Occurrence],
    generations: Mapping[int, int],
    preferences: Preferences,
    now: datetime,
) -> list[Noticed]:
    """Return what was moved or cancelled and is of interest still.

    Args:
        before: What the last plan saw.
        seen_at: The time of that plan.
        occurrences: What there is now, declined and unannounced occurrences included.
        generations: Those of the calendars that can be compared, by their ids.
        preferences: The user's.
        now: The time.
    """
    present = _Present(before, seen_at, occurrences, preferences)
    found: list[Noticed] = []
    gone: dict[tuple[int, str, date], list[SeenOccurrence]] = defaultdict(list)
    for seen in before:
        if seen.calendar_id not in generations:
            continue
        current = present.find(seen)
        if current is not None:
            found += present.moved(seen, current, now)
        elif generations[seen.calendar_id] == seen.generation and not present.has_twin(seen):
            gone[seen.calendar_id, _series(seen.instance), _day(seen.starts_at, preferences)].append(seen)
    for (calendar_id, series, day), missing in gone.items():
        instead = present.new_instances(calendar_id, series, day)
        if instead is not None and len(instead) == len(missing):
            for seen, current in zip(missing, instead, strict=True):
                found += present.moved(seen, current, now)
        elif instead == []:
            found += [
                Noticed(one, _change(one, None, now)) for one in missing if _matters(now, one.starts_at)
            ]
    return found


class _Present:
    """The occurrences that there are now, by what finds them."""

    def __init__(
        self,
        before: Iterable[SeenOccurrence],
        seen_at: datetime,
        occurrences: Iterable[Occurrence],
        preferences: Preferences,
    ) -> None:
        self._preferences = preferences
        self._seen = {one.identity for one in before}
        self._since = seen_at - SEEN_PAST
        self._by_identity: dict[tuple[int, str], Occurrence] = {}
        self._by_instance: dict[str, Occurrence] = {}
        self._by_series: dict[tuple[int, str], list[Occurrence]] = defaultdict(list)
        self._titles: set[tuple[str, datetime]] = set()
        for one in occurrences:
            self._by_identity[one.calendar_id, one.instance] = one
            self._by_instance.setdefault(one.instance, one)
            self._by_series[one.calendar_id, _series(one.instance)].append(one)
            self._titles.add((one.title, one.starts_at))

    def find(self, seen: SeenOccurrence) -> Occurrence | None:
        """Return the occurrence as it is now, also if it is in another calendar or was made (no) series."""
        if (current := self._by_identity.get(seen.identity)) is not None:
            return current
        series = self._by_series[seen.calendar_id, _series(seen.instance)]
        same = (one for one in series if one.starts_at == seen.starts_at)
        return next(same, None) or self._by_instance.get(seen.instance)

    def has_twin(self, seen: SeenOccurrence) -> bool:
        """Return whether something with its title is at its time: the same event in another calendar."""
        return seen.title != "" and (seen.title, seen.starts_at) in self._titles

    def new_instances(self, calendar_id: int, series: str, day: date) -> list[Occurrence] | None:
        """Return the instances of a series on a day that were not seen; None if it lasts all day now."""
        ours = self._by_series[calendar_id, series]
        if any(one.covers(day) for one in ours):
            return None
        return [
            one
            for one in ours
            if (calendar_id, one.instance) not in self._seen
            and one.starts_at >= self._since
            and _day(one.starts_at, self._preferences) == day
            and is_announced(one, self._preferences)
        ]

    def moved(self, seen: SeenOccurrence, current: Occurrence, now: datetime) -> Iterator[Noticed]:
        """Yield the change if it starts at another time."""
        if current.starts_at == seen.starts_at or current.all_day:
            return
        if current.calendar_id != seen.calendar_id and (current.calendar_id, current.instance) in self._seen:
            return
        if _matters(now, seen.starts_at, current.starts_at) and is_announced(current, self._preferences):
            yield Noticed(seen, _change(seen, current, now))


def merge_changes(
    known: Sequence[OccurrenceChange], noticed: Iterable[Noticed], told: Collection[OccurrenceChange]
) -> tuple[list[OccurrenceChange], list[OccurrenceChange]]:
    """Return which known changes are no longer to be told, and which are to be.

    What changes again before it was told is told once, as a change of what the user knows.

    Args:
        known: In the order in which they were noticed.
        noticed: Of `detect_changes`.
        told: Those of the known ones that the user has heard.
    """
    latest = {(one.calendar_id, one.instance): one for one in known}
    removed: list[OccurrenceChange] = []
    added: list[OccurrenceChange] = []
    for before, change in noticed:
        first = latest.get(before.identity)
        if first is not None and first.change == "moved" and first not in told:
            removed.append(first)
            if change.moved_to == first.starts_at:
                continue
            private = first.is_private or change.is_private
            title = "" if private else first.title
            change = replace(change, starts_at=first.starts_at, title=title, is_private=private)
        twin = next((one for one in (*known, *added) if _is_twin(one, change)), None)
        if twin is None:
            added.append(change)
        elif change.change == "cancelled" and change.is_private and not twin.is_private:
            # As an appointment, which is private if it is in one of its calendars.
            hidden = replace(twin, title="", is_private=True)
            if twin in added:
                added[added.index(twin)] = hidden
            else:
                removed.append(twin)
                added.append(hidden)
        elif change.change == "moved":
            # Of the calendars that have it, the plan takes one, and tells what was noticed once only once.
            added.append(replace(change, noticed_at=twin.noticed_at))
    kept = [one for one in known if one not in removed]
    surplus = max(0, len(kept) + len(added) - MOST_KNOWN)
    return removed + kept[:surplus], added


def _is_twin(one: OccurrenceChange, other: OccurrenceChange) -> bool:
    """Return whether both are the same change of one event in two calendars."""
    same = (one.change, one.starts_at, one.moved_to) == (other.change, other.starts_at, other.moved_to)
    same_event = one.instance == other.instance or (one.title == other.title != "")
    return same and same_event and one.calendar_id != other.calendar_id


def _change(seen: SeenOccurrence, current: Occurrence | None, now: datetime) -> OccurrenceChange:
    private = seen.private or (current is not None and current.private)
    return OccurrenceChange(
        change="moved" if current else "cancelled",
        calendar_id=current.calendar_id if current else seen.calendar_id,
        instance=current.instance if current else seen.instance,
        title="" if private else seen.title,
        is_private=private,
        starts_at=seen.starts_at,
        moved_to=current.starts_at if current else None,
        noticed_at=now,
    )


def _matters(now: datetime, *starts: datetime) -> bool:
    return max(starts) > now - _JUST_PAST


def _series(instance: str) -> str:
    """Return the id of a single event, or that of a series before it was split."""
    return _SPLIT.sub("", instance.partition(" ")[0])


def _end_of_next_day(now: datetime, preferences: Preferences) -> datetime:
    day_after = _day(now, preferences) + timedelta(days=2)
    return to_utc(datetime.combine(day_after, time()), preferences.time_zone)


def _day(at: datetime, preferences: Preferences) -> date:
    return at.astimezone(preferences.time_zone).date()
