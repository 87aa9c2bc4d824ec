"""Quiet hours: a time of each day, of a user or of a device."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from catflap.calendars.datetimes import to_utc

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class QuietHours:
    """A time of each day in which nothing is said.

    Args:
        begin: Wall time, included.
        end: Wall time, excluded; on the next day if it is earlier than the beginning, and no time after it if
            it is the same.
        zone: Of both.
    """

    begin: time
    end: time
    zone: ZoneInfo

    def include(self, at: datetime) -> bool:
        """Return whether a time is in them."""
        now = at.astimezone(self.zone).time()
        if self.begin <= self.end:
            return self.begin <= now < self.end
        return not self.end <= now < self.begin

    def next_end(self, at: datetime) -> datetime:
        """Return when they end next after a time."""
        wall = datetime.combine(at.astimezone(self.zone).date(), self.end)
        # Where clocks are set back they may show it twice, and the quiet hours end twice.
        ends = (
            to_utc((wall + days * _ONE_DAY).replace(fold=fold), self.zone)
            for days in count()
            for fold in (0, 1)
        )
        return next(end for end in ends if end > at)

    def lasts_until(self, play_at: datetime, end: datetime) -> datetime:
        """Return `end`, or when they begin, if that is earlier, for what may be played late."""
        if self.begin == self.end or self.include(play_at):
            return end
        day = play_at.astimezone(self.zone).date()
        walls = (datetime.combine(day + days * _ONE_DAY, self.begin) for days in (0, 1))
        return min([end, *(at for wall in walls if (at := to_utc(wall, self.zone)) > play_at)])


def quiet_hours(begin: time | None, end: time | None, zone: ZoneInfo) -> QuietHours | None:
    """Return the quiet hours of columns that may be empty; None if there are none."""
    return None if begin is None or end is None else QuietHours(begin, end, zone)
