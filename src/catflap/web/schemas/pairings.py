"""Pairing: the requests of a device, and what its owner sees before it is claimed."""

from datetime import datetime
from typing import Literal, Self
from urllib.parse import quote

from pydantic import Field

from catflap.devices.devices import Channel
from catflap.devices.pairing import Pairing, WaitingDevice
from catflap.devices.pairing_codes import CodeKind
from catflap.web.schemas.base import Answer, Instant, StrictBody, absent
from catflap.web.schemas.devices import CHANNEL, AudioBody, Name, TokenHash, TypedCode


class PairingBody(StrictBody):
    """Request of a device for a pairing code; it keeps its token and sends the hash."""

    token_sha256: TokenHash
    model: Name
    audio: AudioBody | None = None
    channel: Literal["https", "mqtt", "mqtt_play"] = Field("https", description=CHANNEL)
    code: CodeKind = Field(
        "letters", description="`letters`: eight, to be shown; `digits`: six, to be spoken."
    )


class PairingResource(Answer):
    """Pairing of a device: the `code` that it shows, and the `handle` with which it polls."""

    code: str = Field(examples=["WDJB-MJHT", "482913"])
    handle: str
    expires_in: int = Field(description="Seconds.")
    interval: int = Field(description="Seconds between two questions.")
    verification_uri: str = Field(
        description="Where its owner enters the code.",
        json_schema_extra={"format": "uri"},
        examples=["https://mia.example.com/devices"],
    )
    verification_uri_complete: str = Field(
        description="The same with the code in the fragment, for a QR code; browsers send it to no server.",
        json_schema_extra={"format": "uri"},
        examples=["https://mia.example.com/devices#code=WDJB-MJHT"],
    )

    @classmethod
    def of(cls, pairing: Pairing, page: str) -> Self:
        """Build it from a new pairing and the address of the page on which it is claimed."""
        return cls(
            verification_uri=page,
            verification_uri_complete=f"{page}#code={quote(pairing.code)}",
            code=pairing.code,
            handle=pairing.handle,
            expires_in=pairing.expires_in,
            interval=pairing.interval,
        )


class PairingStatus(Answer):
    """Whether a user claimed the device."""

    status: Literal["pending", "claimed"]
    device: int | None = absent("The device's id, once it is claimed.")


class PreviewBody(StrictBody):
    """The code of a device."""

    code: TypedCode


class WaitingDeviceResource(Answer):
    """A device that waits for its owner, who compares this with what they have before them."""

    model: str = Field(description="What it says it is.")
    channel: Channel = Field(description=CHANNEL)
    address: str = Field(
        description="From where it asked: an IPv4 address, or the network of an IPv6 address.",
        examples=["203.0.113.7", "2001:db8:17::/64"],
    )
    is_same_network: bool = Field(description="Whether this request comes from there too.")
    seconds_ago: int = Field(description="How long ago it asked.")
    expires_at: Instant = Field(description="Until when it can be claimed.")

    @classmethod
    def of(cls, waiting: WaitingDevice, address: str, now: datetime) -> Self:
        """Build it for a user who asks from an address."""
        return cls(
            model=waiting.model,
            channel=waiting.channel,
            address=waiting.address,
            is_same_network=waiting.address == address,
            seconds_ago=max(0, round((now - waiting.asked_at).total_seconds())),
            expires_at=waiting.expires_at,
        )
