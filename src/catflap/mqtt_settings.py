"""Settings of the MQTT broker, which is the operator's own, and of Home Assistant's MQTT discovery."""

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from catflap.setting_urls import is_local

DiscoveryKind = Literal["device", "components"]
_DISCOVERY = ("device", "components")
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_SHAPE = "must look like mqtts://user:password@broker.example.com:8883, or mqtt:// for a private network"


class BrokerAddress(NamedTuple):
    """Where a broker is; `user` is "" without authentication."""

    host: str
    port: int
    tls: bool
    user: str = ""
    password: str = ""


class MqttSettings(BaseSettings):
    """Settings of MQTT, a part of `catflap.settings.Settings`."""

    mqtt_url: SecretStr = SecretStr("")
    mqtt_device_url: str = ""
    mqtt_ca_file: Path | None = None
    home_assistant_discovery: Annotated[tuple[DiscoveryKind, ...], NoDecode] = Field(default=())

    @field_validator("mqtt_url")
    @classmethod
    def _broker(cls, url: SecretStr) -> SecretStr:
        text = url.get_secret_value().strip()
        if text:
            _split(text)
        return SecretStr(text)

    @field_validator("mqtt_device_url")
    @classmethod
    def _broker_of_devices(cls, url: str) -> str:
        url = url.strip()
        if url and "@" in _split(url).netloc:
            raise ValueError("must hold neither a user name nor a password; each device gets its own")
        return url

    @field_validator("home_assistant_discovery", mode="before")
    @classmethod
    def _kinds(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        names = tuple(part.strip() for part in value.split(",") if part.strip())
        if names == ("off",):
            return ()
        if any(name not in _DISCOVERY for name in names):
            raise ValueError("must be off, device, components or device,components")
        return names

    @property
    def mqtt_broker(self) -> BrokerAddress | None:
        """The broker, as we reach it; None without one."""
        return address_of(self.mqtt_url.get_secret_value())

    @property
    def mqtt_broker_of_devices(self) -> BrokerAddress | None:
        """The broker, as devices reach it, without a login; None without a broker."""
        ours = self.mqtt_broker
        if ours is None:
            return None
        return address_of(self.mqtt_device_url) or BrokerAddress(ours.host, ours.port, ours.tls)


def address_of(url: str) -> BrokerAddress | None:
    """Return the broker of a URL that was checked; None for ""."""
    if not url:
        return None
    parts = urlsplit(url)
    user, password = (unquote(part or "") for part in (parts.username, parts.password))
    port = parts.port or _PORTS[parts.scheme]
    return BrokerAddress(parts.hostname or "", port, parts.scheme == "mqtts", user, password)


def _split(url: str) -> SplitResult:
    """Check the URL of a broker.

    Raises:
        ValueError: it is none, or it would send passwords and titles in the clear; it quotes nothing of it.
    """
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in _PORTS and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_whole = False
    if (
        not is_whole
        or any(c.isspace() for c in url)
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
    ):
        raise ValueError(_SHAPE)
    if parts.scheme == "mqtt" and not is_local(url):
        raise ValueError("must be mqtts (plain mqtt is for this machine and for private networks only)")
    return parts
