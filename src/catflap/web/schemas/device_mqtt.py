"""The MQTT login of a device, as the HTTP API shows it."""

from dataclasses import asdict
from typing import Self

from pydantic import Field

from catflap.devices.mqtt_login import MqttLogin
from catflap.web.schemas.base import Answer


class MqttLoginResource(Answer):
    """Login of a device at the MQTT broker."""

    host: str
    port: int
    tls: bool
    user: str = Field(description="Also its client id.", examples=["17"])
    password: str
    topics: str = Field(
        description="What its topics begin with: `schedule`, `ack`, `state` and `play` follow after a slash.",
        examples=["catflap/17"],
    )

    @classmethod
    def of(cls, login: MqttLogin) -> Self:
        """Build it from a login."""
        return cls.model_validate(asdict(login))
