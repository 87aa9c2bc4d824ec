"""What became of recent announcements on each device."""

from collections.abc import Iterable
from itertools import groupby
from typing import Self

from pydantic import Field

from catflap.devices.plays import Outcome, Play
from catflap.web.schemas.base import Answer, Instant

_REASON = (
    "Why it was not said: `quiet` or `meeting` of a plan, else what the device told, as `muted`, `offline`."
)


class PlayResource(Answer):
    """What became of one announcement."""

    play_at: Instant
    state: Outcome = Field(
        description="`missed` also if the device has not told of it until it expired; `held` was kept quiet."
    )
    reason: str | None = Field(description=_REASON)
    late_seconds: float | None = Field(
        description="How much later than `play_at` it began, if it was played."
    )


class DevicePlays(Answer):
    """What became of a user's recent announcements on one device, oldest first."""

    device: int
    plays: list[PlayResource]


class RecentPlays(Answer):
    """All devices on which something was to be said in the last 48 hours."""

    devices: list[DevicePlays]

    @classmethod
    def of(cls, plays: Iterable[Play]) -> Self:
        """Build it from plays in the order of their devices."""
        grouped = groupby(plays, key=lambda one: one.device_id)
        return cls(
            devices=[
                DevicePlays(device=device_id, plays=[_resource(one) for one in group])
                for device_id, group in grouped
            ]
        )


def _resource(play: Play) -> PlayResource:
    return PlayResource(
        play_at=play.play_at, state=play.outcome, reason=play.reason, late_seconds=play.late_seconds
    )
