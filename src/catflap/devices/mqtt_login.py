"""How devices log in to the MQTT broker.

The password of a device is derived from the hash of its token, so it is stored nowhere and changes with the
token, and the broker's password file can be written anew at any time (docs/decisions).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.errors import BadRequest
from catflap.mqtt_settings import BrokerAddress
from catflap.store.tables import devices

MQTT_KEY = "mqtt"
PREFIX = "catflap"
# Devices that take messages from the broker; all others have no login there.
MQTT_CHANNELS = ("mqtt", "mqtt_play")


@dataclass(frozen=True)
class MqttLogin:
    """A device's login at the broker; `topics` is the prefix of the topics that are its own."""

    host: str
    port: int
    tls: bool
    user: str
    password: str = field(repr=False)
    topics: str


class MqttLogins:
    """Service that tells devices how to log in.

    Args:
        engine: The database.
        broker: The broker as devices reach it; None without one.
        key: The signing key named `MQTT_KEY`.
    """

    def __init__(self, engine: AsyncEngine, broker: BrokerAddress | None, key: bytes) -> None:
        self._engine = engine
        self._broker = broker
        self._key = key

    async def of_device(self, device_id: int) -> MqttLogin:
        """Return the login of a device.

        Raises:
            BadRequest: `mqtt_off` without a broker, or for a device of another channel; `not_found`.
        """
        if self._broker is None:
            raise BadRequest("mqtt_off", "This Catflap has no MQTT broker; fetch the schedule over HTTPS.")
        query = select(devices.c.token_hash, devices.c.channel).where(devices.c.id == device_id)
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            raise BadRequest("not_found", "This device was removed.")
        if row.channel not in MQTT_CHANNELS:
            raise BadRequest("mqtt_off", "This device was paired to fetch its schedule over HTTPS.")
        return MqttLogin(
            host=self._broker.host,
            port=self._broker.port,
            tls=self._broker.tls,
            user=str(device_id),
            password=device_password(self._key, device_id, row.token_hash),
            topics=f"{PREFIX}/{device_id}",
        )


def device_password(key: bytes, device_id: int, token_hash: bytes) -> str:
    """Return the password of a device, base64url without padding.

    Args:
        key: The signing key named `MQTT_KEY`.
        device_id: The device.
        token_hash: As stored, of its current token.
    """
    digest = hmac.new(key, f"{device_id}:".encode() + token_hash, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
