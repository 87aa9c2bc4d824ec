"""Property values of iCalendar components: moments, periods, durations, numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from icalendar.prop import vDDDTypes, vDuration

from google_sandbox.calendar.ical.content_lines import Line
from google_sandbox.calendar.ical.report import Unreadable

LEAP_SECOND = re.compile(r"(T\d{4})60(?=Z?$)")
EARLIEST, LATEST = 2, 9998


@dataclass(frozen=True, slots=True)
class Moment:
    """A DATE or DATE-TIME as it is written.

    Args:
        value: A date, an instant in UTC, or a naive local time.
        tzid: The TZID parameter, "" if there is none.
    """

    value: date | datetime
    tzid: str = ""

    @property
    def is_day(self) -> bool:
        """Whether this is a whole day."""
        return not isinstance(self.value, datetime)

    @property
    def wall(self) -> datetime:
        """The time as it is written, naive; midnight for a day."""
        if isinstance(self.value, datetime):
            return self.value.replace(tzinfo=None)
        return datetime.combine(self.value, time())


def read_moment(line: Line) -> Moment:
    """Return the moment in DTSTART, DTEND, RECURRENCE-ID or another property with one value.

    Raises:
        Unreadable: if there is none.
    """
    is_day = line.parameter("VALUE").upper() == "DATE"
    for text, tzid in line.dated:
        try:
            return _moment(text, tzid, is_day)
        except ValueError:
            continue
    raise Unreadable(f"its {line.name} cannot be read")


def read_moments(line: Line) -> Iterator[tuple[Moment, timedelta | Moment | None] | None]:
    """Yield the values of an RDATE or EXDATE; of a period its start and its end or length.

    None stands for a value that cannot be read.
    """
    is_day = line.parameter("VALUE").upper() == "DATE"
    whole, tzid = next((w for w in line.dated if re.match(r"[\d, ]*\d{8}", w[0])), line.dated[0])
    for text in whole.replace(";", ",").split(","):
        if text.strip():
            start, slash, end = text.strip().partition("/")
            try:
                moment = _moment(start, tzid, is_day)
                yield moment, _end(end, tzid) if slash else None
            except ValueError:
                yield None


def _end(text: str, tzid: str) -> timedelta | Moment:
    return duration(text) if text.strip().upper().lstrip("+-").startswith("P") else _moment(text, tzid, False)


def _moment(text: str, tzid: str, is_day: bool) -> Moment:
    text = "".join(text.split()).upper()
    value: object
    try:
        value = vDDDTypes.from_ical(LEAP_SECOND.sub(r"\g<1>59", text))  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, IndexError):
        # ISO 8601 as other formats write it: with dashes and colons, without seconds, or with an offset.
        value = datetime.fromisoformat(text)
    if not isinstance(value, date) or not EARLIEST <= value.year <= LATEST:
        raise ValueError("neither a date nor a date-time")
    if isinstance(value, datetime):
        if is_day:
            return Moment(value.date(), tzid)
        value = value.replace(microsecond=0)
        return Moment(value.astimezone(UTC)) if value.tzinfo else Moment(value, tzid)
    return Moment(value, tzid)


def duration(text: str) -> timedelta:
    """Return the length a DURATION names.

    Raises:
        ValueError: if it cannot be read, or is longer than a calendar.
    """
    try:
        length = vDuration.from_ical("".join(text.split()).upper())  # type: ignore[no-untyped-call]
    except (TypeError, OverflowError) as error:
        raise ValueError("no duration") from error
    if not isinstance(length, timedelta) or abs(length) > timedelta(days=366 * 1000):
        raise ValueError("no duration")
    return length


def integer(text: str) -> int:
    """Return a number such as SEQUENCE, 0 if it is none."""
    text = text.strip()
    return int(text) if text.isascii() and text.lstrip("+-").isdecimal() and len(text) < 12 else 0
