"""Devices: what can be set, the schedule they follow, what they acknowledge."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from catflap.devices.devices import OFFLINE_AFTER, Channel, Device
from catflap.speech import AudioFormat, check_available
from catflap.speech.audio_format import Codec, MediaType, SampleRate
from catflap.web.input_types import Text
from catflap.web.schemas.base import Answer, Instant, RequestTime, StrictBody, absent
from catflap.web.schemas.preferences import ClockText, ClockTime, ZoneName

Name = Annotated[Text, Field(min_length=1, max_length=60, examples=["Mia"])]
Room = Annotated[Text, Field(max_length=60, examples=["Kitchen"])]
TypedCode = Annotated[
    Text,
    Field(
        max_length=40,
        description="The code that the device shows or speaks; case, width and separators don't matter.",
        examples=["WDJB-MJHT"],
    ),
]
CHANNEL = (
    "How announcements reach it: `https` if it takes its schedule from this API; `mqtt` if it takes the same "
    "document from the MQTT broker; `mqtt_play` if it keeps no time, so that MQTT tells it when to play."
)


class AudioBody(StrictBody):
    """Format of a device's sounds. Opus has no 22050 and 44100 Hz."""

    format: Codec = "wav"
    rate: SampleRate = Field(16000, description="Samples per second; speech is rendered at 16000.")

    def checked(self) -> AudioFormat:
        """Return the format.

        Raises:
            BadRequest: `invalid_request`; `format_unavailable` if this installation can't make it.
        """
        audio = AudioFormat(self.format, self.rate)
        check_available(audio)
        return audio


class AudioResource(Answer):
    """Format of a device's sounds; where one can't be made in it, the schedule has it as WAV."""

    format: Codec
    rate: SampleRate

    @classmethod
    def of(cls, audio: AudioFormat) -> Self:
        """Build it from a format."""
        return cls.model_validate({"format": audio.codec, "rate": audio.rate})


TokenHash = Annotated[
    Text,
    Field(pattern="^[0-9a-f]{64}$", description="SHA-256 (hex) of a random token of the device's own."),
]


class TokenBody(StrictBody):
    """A new token of a device, which keeps it and sends the hash."""

    token_sha256: TokenHash


class DeviceBody(StrictBody):
    """Claim the device that shows `code`, or make this browser one."""

    code: TypedCode | None = None
    name: Name | None = None
    room: Room = ""
    browser: bool = False


_QUIET = "When the device says nothing, whatever its members prefer; null for no quiet hours."


class QuietHoursBody(StrictBody):
    """The quiet hours of a device; a beginning that is later than the end is that of the evening before."""

    begin: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="until")
    zone: ZoneName | None = Field(None, description="IANA name; by default the owner's.")


class QuietHoursResource(Answer):
    """The quiet hours of a device."""

    begin: ClockText = Field(serialization_alias="from")
    end: ClockText = Field(serialization_alias="until")
    zone: str

    @classmethod
    def of(cls, device: Device) -> Self | None:
        """Build it from a stored device; None without quiet hours."""
        if device.quiet_from is None or device.quiet_until is None or device.quiet_zone is None:
            return None
        return cls.model_validate(
            {"begin": device.quiet_from, "end": device.quiet_until, "zone": device.quiet_zone}
        )


class DeviceChange(StrictBody):
    """Changes of a device; members left out stay as they are."""

    name: Name | None = None
    room: Room | None = None
    volume: Annotated[int, Field(ge=0, le=100)] | None = None
    muted_until: RequestTime | None = None
    audio: AudioBody | None = None
    quiet_hours: QuietHoursBody | None = Field(None, description=_QUIET)


class DeviceResource(Answer):
    """A device that plays announcements."""

    id: int
    is_owner: bool = Field(
        description="Whether it is the user's; else they are a member, and change nothing."
    )
    name: str
    model: str
    room: str = Field(description="Empty if nobody said where it is.")
    channel: Channel = Field(description=CHANNEL + " `home_assistant` is a speaker of Home Assistant.")
    volume: int = Field(description="0 to 100.")
    muted_until: Instant | None
    quiet_hours: QuietHoursResource | None = Field(description=_QUIET)
    audio: AudioResource
    last_seen_at: Instant | None
    online: bool
    token: str | None = absent("A browser's device token, in the answer that made it; shown once.")
    asked_from: str | None = absent("From where a device asked that was claimed, in the answer to the claim.")

    @classmethod
    def of(
        cls,
        device: Device,
        now: datetime,
        user_id: int,
        *,
        token: str | None = None,
        asked_from: str | None = None,
    ) -> Self:
        """Build it from a stored device for a user; `now` decides whether it is online."""
        seen = device.last_seen_at
        return cls(
            id=device.id,
            is_owner=device.user_id == user_id,
            name=device.name,
            model=device.model,
            room=device.room,
            channel=device.channel,
            volume=device.volume,
            muted_until=device.muted_until,
            quiet_hours=QuietHoursResource.of(device),
            audio=AudioResource.of(AudioFormat.parse(device.audio)),
            last_seen_at=seen,
            online=seen is not None and now - seen < OFFLINE_AFTER,
            token=token,
            asked_from=asked_from,
        )


class DeviceList(Answer):
    """All devices of a user, and those that others share with them."""

    devices: list[DeviceResource]


class ScheduledSound(Answer):
    """Signed URL of a sound; it needs no credential and works until an hour after `expires_at`."""

    url: str = Field(json_schema_extra={"format": "uri"})
    type: MediaType
    sha256: str
    bytes: int
    seconds: float


class ScheduledAnnouncement(Answer):
    """An announcement of a schedule: one text at one time."""

    id: str
    play_at: Instant
    expires_at: Instant = Field(description="Not to be said any more from here on.")
    kind: str
    text: str
    audio: ScheduledSound | None = Field(description="null until the sound exists; the next document has it.")


class ScheduleDocument(Answer):
    """Schedule of a device: its announcements of the coming day."""

    version: int = Field(description="Grows with each change.")
    now: Instant = Field(description="The server's clock.")
    volume: int
    muted_until: Instant | None
    announcements: list[ScheduledAnnouncement]


class AckBody(StrictBody):
    """Acknowledgement of one announcement: played, failed, missed or held."""

    announcement: Annotated[Text, Field(max_length=64)]
    state: Literal["played", "failed", "missed", "held"]
    at: RequestTime
    detail: Annotated[Text, Field(max_length=200)] | None = None
