"""What a user does about an announcement, on a page, in an app, or at the device itself."""

from typing import Annotated, Literal

from pydantic import Field

from catflap.announcements.reactions import MAX_SNOOZE_MINUTES
from catflap.web.input_types import Text
from catflap.web.schemas.base import Answer, Instant, StrictBody

_MAX_MUTE_MINUTES = 7 * 24 * 60
_SnoozeMinutes = Annotated[int, Field(ge=1, le=MAX_SNOOZE_MINUTES, examples=[5])]


class SnoozeBody(StrictBody):
    """In how many minutes something is to be announced again."""

    minutes: _SnoozeMinutes = 5


class SnoozeResource(Answer):
    """When it is announced again."""

    play_at: Instant


class DeviceActionBody(StrictBody):
    """What somebody did at a device, by a button or by voice."""

    action: Literal["acknowledge", "snooze", "repeat", "mute"]
    announcement: Annotated[Text, Field(max_length=64)] | None = Field(
        None, description="null for the last one that was due here, within the last 30 minutes."
    )
    minutes: Annotated[int, Field(ge=0, le=_MAX_MUTE_MINUTES)] | None = Field(
        None,
        description="For how long it is snoozed (1 to 1440; 5 if not given), or the device muted (60 if not "
        "given; 0 ends its mute).",
    )


class DeviceActionResource(Answer):
    """What came of an action."""

    announcement: str | None = Field(description="What it was about; null for `mute`.")
    play_at: Instant | None = Field(
        description="When it is announced again; null if it is held in quiet hours."
    )
    muted_until: Instant | None = Field(description="The device's own mute, for `mute`.")
