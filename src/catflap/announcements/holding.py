"""Decide what is not said at its time: in quiet hours, and while the user is in a meeting."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta

from catflap.announcements.appointments import Appointment
from catflap.announcements.planned import HeldFor, Kind
from catflap.announcements.preferences import Preferences
from catflap.announcements.quiet_hours import QuietHours, quiet_hours

# What is said in meetings with `in_meetings` of `reminders`.
_REMINDERS = frozenset({"before", "start", "leave", "countdown", "again", "late"})
LAST_MINUTES = timedelta(minutes=10)


class Holding:
    """The quiet hours and the meetings of a user, and the quiet hours of a device.

    Args:
        found: The appointments, among them the meetings.
        preferences: Theirs.
        device_quiet: Those of the device on which it would be said; None for none.
    """

    def __init__(
        self,
        found: Sequence[Appointment],
        preferences: Preferences,
        device_quiet: QuietHours | None = None,
    ) -> None:
        self._preferences = preferences
        zone = preferences.time_zone
        self._quiet = quiet_hours(preferences.quiet_from, preferences.quiet_until, zone)
        self._device_quiet = device_quiet
        is_held = preferences.in_meetings != "speak"
        # In order of their start, like all that was found.
        self._meetings = [one.occurrence for one in found if one.is_meeting] if is_held else []
        self._starts = [one.starts_at for one in self._meetings]
        self._longest = max((one.ends_at - one.starts_at for one in self._meetings), default=timedelta(0))

    def held_for(self, at: datetime, kind: Kind, about: Appointment | None = None) -> HeldFor | None:
        """Return why an announcement is held; None if it is played.

        Args:
            at: When it would be played.
            kind: Its kind. What the user has just snoozed is played but in the quiet hours of the device.
            about: What it is about. A meeting does not hold its own announcements.
        """
        if self._device_quiet and self._device_quiet.include(at):
            return "quiet"
        if kind == "snoozed":
            return None
        if self._quiet and self._quiet.include(at) and not (about and about.ignores_quiet):
            return "quiet"
        return "meeting" if self._is_in_meeting(at, kind, about) else None

    def first_time(self, at: datetime, kind: Kind, about: Appointment | None = None) -> datetime:
        """Return the first time from `at` on at which an announcement would not be held."""
        while (reason := self.held_for(at, kind, about)) is not None:
            if reason == "meeting":
                at = max(self._ends_of_meetings(at, about))
            else:
                at = min(one.next_end(at) for one in self._all_quiet if one.include(at))
        return at

    def lasts_until(self, play_at: datetime, end: datetime) -> datetime:
        """Return `end`, or when the quiet hours begin, if that is earlier, for what may be played late."""
        return min([end, *(one.lasts_until(play_at, end) for one in self._all_quiet)])

    @property
    def _all_quiet(self) -> list[QuietHours]:
        return [one for one in (self._quiet, self._device_quiet) if one is not None]

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
