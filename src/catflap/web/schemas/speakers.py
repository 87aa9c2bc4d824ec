"""Speakers of Home Assistant, as the HTTP API shows them."""

from dataclasses import asdict
from typing import Annotated, Self

from pydantic import Field

from catflap.devices.speakers import Speaker, SpeakerDevice
from catflap.web.input_types import Text
from catflap.web.schemas.base import Answer, StrictBody
from catflap.web.schemas.devices import Name, Room

Entity = Annotated[
    Text,
    Field(pattern=r"^(media_player|assist_satellite)\.[a-z0-9_]{1,200}$", examples=["media_player.kitchen"]),
]
RestEntity = Annotated[
    Text,
    Field(
        pattern=r"^(input_boolean|switch|binary_sensor|schedule|group)\.[a-z0-9_]{1,200}$",
        examples=["input_boolean.children_asleep"],
    ),
]
Volume = Annotated[int, Field(ge=0, le=100)]
_REST = "An entity of Home Assistant; while it is `on`, nothing is said there. null for none."
_VOLUME = "What the speaker's volume is set to while it speaks, 0 to 100; null leaves it as it is."


class SpeakerBody(StrictBody):
    """A speaker that is to be a device."""

    entity: Entity
    name: Name | None = Field(None, description="By default Home Assistant's.")
    room: Room | None = Field(None, description="By default Home Assistant's area.")
    rest_entity: RestEntity | None = Field(None, description=_REST)
    volume: Volume | None = Field(None, description=_VOLUME)


class SpeakerOptions(StrictBody):
    """What is set for a speaker that is a device."""

    rest_entity: RestEntity | None = Field(description=_REST)
    volume: Volume | None = Field(description=_VOLUME)


class SpeakerResource(Answer):
    """A speaker that Home Assistant offers."""

    entity: str
    name: str
    room: str = Field(description="Its area; empty where it has none, or the token may not ask.")
    resumes: bool = Field(description="Whether music goes on after an announcement; else that ends it.")
    available: bool = Field(description="Whether Home Assistant reaches it.")
    device: int | None = Field(description="The id of the user's device that it is.")
    at_rest: bool = Field(description="Whether nothing is said there now, because of its `rest_entity`.")
    rest_entity: str | None = Field(description=_REST)
    volume: int | None = Field(description=_VOLUME)

    @classmethod
    def of(cls, speaker: Speaker) -> Self:
        """Build it from a speaker."""
        return cls.model_validate(asdict(speaker))


class SpeakerList(Answer):
    """All speakers that Home Assistant offers."""

    speakers: list[SpeakerResource]


class SpeakerDeviceResource(Answer):
    """A device that is a speaker; name, room and the rest are changed with `changeDevice`."""

    device: int
    name: str
    room: str
    entity: str
    rest_entity: str | None = Field(description=_REST)
    volume: int | None = Field(description=_VOLUME)

    @classmethod
    def of(cls, device: SpeakerDevice) -> Self:
        """Build it from a device."""
        return cls(
            device=device.id,
            name=device.name,
            room=device.room,
            entity=device.entity,
            rest_entity=device.rest_entity,
            volume=device.volume_set,
        )
