"""What time it is: the machine's time, that time shifted, or a time that stands still until told.

Every part gets its clock handed in, so that `--now` moves the whole house at once. Nothing in Catflap
asks the operating system or SQL for the time of day behind the clock's back.
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
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


class Clock(Protocol):
    """Anything that knows the time and can wait for one."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    async def sleep_until(self, at: datetime) -> None:
        """Return once `now()` has reached `at`; at once when it has passed already."""
        ...


class SystemClock:
    """The machine's clock, or that clock shifted so that it shows `start` at this moment."""

    def __init__(self, start: datetime | None = None) -> None:
        self._shift = timedelta(0) if start is None else start.astimezone(UTC) - datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._shift

    async def sleep_until(self, at: datetime) -> None:
        while (left := (at - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 (time is the event)
            # Short naps, because the machine's clock may be set or the machine may have slept.
            await asyncio.sleep(min(left, 30.0))


class FixedClock:
    """A clock that stands still until somebody advances it."""

    def __init__(self, at: datetime) -> None:
        self._now = at.astimezone(UTC)
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, at: datetime) -> None:
        while self._now < at:
            await self._moved.wait()

    def advance_to(self, at: datetime) -> None:
        """Move to `at`; a clock never runs backwards, so an earlier `at` changes nothing."""
        self._now = max(self._now, at.astimezone(UTC))
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def advance(self, by: timedelta) -> None:
        """Move on by `by`."""
        self.advance_to(self._now + by)
