"""Mute of all devices of a user."""

from datetime import datetime
from typing import Self

from pydantic import Field

from catflap.devices.mute import ALWAYS, MuteFor
from catflap.web.schemas.base import Answer, Instant, RequestTime, StrictBody

_TOMORROW = "`tomorrow` ends with the morning briefing, or at 6:00; `always` has no end."


class MuteBody(StrictBody):
    """How long all devices are to be muted: `for` or `until`."""

    lasts: MuteFor | None = Field(None, alias="for", description=_TOMORROW, examples=["hour"])
    until: RequestTime | None = None


class MuteResource(Answer):
    """Whether all devices of a user are muted; a device may also have a mute of its own."""

    muted: bool
    until: Instant | None = Field(description="null for no end, and where nothing is muted.")

    @classmethod
    def of(cls, until: datetime | None) -> Self:
        """Build it from the end of a mute; None for no mute."""
        return cls(muted=until is not None, until=None if until == ALWAYS else until)
