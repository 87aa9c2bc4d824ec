"""A settable clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """A callable that returns the time it was set to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> None:
        self.now += timedelta(**amount)
