"""Clocks: the system's time, that time shifted, or a fixed time for tests.

Every component is given its clock, so that `--now` shifts all of them. Nothing else in Catflap reads the time
of day from the operating system or SQL.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol


def rfc3339(at: datetime, timespec: str = "auto") -> str:
    """Return an aware datetime as text: RFC 3339, in UTC, with a `Z`.

    Args:
        at: The instant.
        timespec: The precision, as `datetime.isoformat` takes it.
    """
    here = at if at.tzinfo is UTC else at.astimezone(UTC)
    return here.isoformat(timespec=timespec).removesuffix("+00:00") + "Z"


class Clock(Protocol):
    """A source of the current time that can also wait for a time."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...

    async def sleep_until(self, at: datetime) -> None:
        """Wait until `now()` has reached `at`."""
        ...


class SystemClock:
    """The system's clock, or that clock shifted so that it starts at `start`."""

    def __init__(self, start: datetime | None = None) -> None:
        self._shift = timedelta(0) if start is None else start.astimezone(UTC) - datetime.now(UTC)

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return datetime.now(UTC) + self._shift

    async def sleep_until(self, at: datetime) -> None:
        """Wait until `now()` has reached `at`."""
        while (left := (at - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 (time is the event)
            # In short intervals, because the clock may be set and the machine may be suspended.
            await asyncio.sleep(min(left, 30.0))


class FixedClock:
    """A clock that stands still until it is advanced, for tests."""

    def __init__(self, at: datetime) -> None:
        self._now = at.astimezone(UTC)
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """Return the time that the clock was set to."""
        return self._now

    async def sleep_until(self, at: datetime) -> None:
        """Wait until the clock was advanced to `at`."""
        while self._now < at:
            await self._moved.wait()

    def advance_to(self, at: datetime) -> None:
        """Advance to `at`; an earlier time has no effect."""
        self._now = max(self._now, at.astimezone(UTC))
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def advance(self, by: timedelta) -> None:
        """Advance by `by`."""
        self.advance_to(self._now + by)
