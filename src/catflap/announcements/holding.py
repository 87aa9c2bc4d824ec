"""Decide what is not said at its time: in quiet hours, and while the user is in a meeting."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from itertools import count

from catflap.announcements.appointments import Appointment
from catflap.announcements.planned import HeldFor, Kind
from catflap.announcements.preferences import Preferences
from catflap.calendars.datetimes import to_utc

# What is said in meetings with `in_meetings` of `reminders`.
_REMINDERS = frozenset({"before", "start", "leave", "countdown", "again", "late"})
LAST_MINUTES = timedelta(minutes=10)
_ONE_DAY = timedelta(days=1)


class Holding:
    """The quiet hours and the meetings of a user.

    Args:
        found: The appointments, among them the meetings.
        preferences: Theirs.
    """

    def __init__(self, found: Sequence[Appointment], preferences: Preferences) -> None:
        self._preferences = preferences
        self._zone = preferences.time_zone
        is_held = preferences.in_meetings != "speak"
        # In order of their start, like all that was found.
        self._meetings = [one.occurrence for one in found if one.is_meeting] if is_held else []
        self._starts = [one.starts_at for one in self._meetings]
        self._longest = max((one.ends_at - one.starts_at for one in self._meetings), default=timedelta(0))

    def held_for(self, at: datetime, kind: Kind, about: Appointment | None = None) -> HeldFor | None:
        """Return why an announcement is held; None if it is played.

        Args:
            at: When it would be played.
            kind: Its kind. What the user has just snoozed is always played.
            about: What it is about. A meeting does not hold its own announcements.
        """
        if kind == "snoozed":
            return None
        if not (about and about.ignores_quiet) and self._is_quiet(at):
            return "quiet"
        return "meeting" if self._is_in_meeting(at, kind, about) else None

    def first_time(self, at: datetime, kind: Kind, about: Appointment | None = None) -> datetime:
        """Return the first time from `at` on at which an announcement would not be held."""
        while (reason := self.held_for(at, kind, about)) is not None:
            at = self._end_of_quiet(at) if reason == "quiet" else max(self._ends_of_meetings(at, about))
        return at

    def lasts_until(self, play_at: datetime, end: datetime) -> datetime:
        """Return `end`, or when the quiet hours begin, if that is earlier, for what may be played late."""
        begin = self._preferences.quiet_from
        if begin is None or begin == self._preferences.quiet_until or self._is_quiet(play_at):
            return end
        day = play_at.astimezone(self._zone).date()
        walls = (datetime.combine(day + days * _ONE_DAY, begin) for days in (0, 1))
        return min([end, *(at for wall in walls if (at := to_utc(wall, self._zone)) > play_at)])

    def _is_quiet(self, at: datetime) -> bool:
        begin, end = self._preferences.quiet_from, self._preferences.quiet_until
        if begin is None or end is None:
            return False
        now = at.astimezone(self._zone).time()
        return begin <= now < end if begin <= end else not end <= now < begin

    def _end_of_quiet(self, at: datetime) -> datetime:
        wall = datetime.combine(at.astimezone(self._zone).date(), self._preferences.quiet_until or time())
        # Where clocks are set back they may show it twice, and the quiet hours end twice.
        ends = (
            to_utc((wall + days * _ONE_DAY).replace(fold=fold), self._zone)
            for days in count()
            for fold in (0, 1)
        )
        return next(end for end in ends if end > at)

    def _is_in_meeting(self, at: datetime, kind: Kind, about: Appointment | None) -> bool:
        ends = self._ends_of_meetings(at, about)
        if not ends or self._preferences.in_meetings == "silent":
            return bool(ends)
        if kind not in _REMINDERS:
            return True
        return self._preferences.in_meetings == "last_minutes" and max(ends) - at > LAST_MINUTES

    def _ends_of_meetings(self, at: datetime, about: Appointment | None) -> list[datetime]:
        own = about.occurrence if about else None
        before = bisect_left(self._starts, at)
        recent = self._meetings[bisect_left(self._starts, at - self._longest, hi=before) : before]
        return [one.ends_at for one in recent if at < one.ends_at and one is not own]
