"""The files of Mosquitto for all devices of an installation, read from the database."""

import base64
import hashlib
import hmac
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.devices.channels.mosquitto import (
    ACL,
    CONFIGURATION,
    PASSWORDS,
    Listener,
    Logins,
    access_control_list,
    configuration,
    password_file,
    write_files,
)
from catflap.devices.mqtt_login import MQTT_CHANNELS, MQTT_KEY, device_password
from catflap.devices.signed_urls import signing_key
from catflap.errors import OperatorMustAct
from catflap.mqtt_settings import BrokerAddress
from catflap.store.tables import devices as t


class MosquittoFiles:
    """Writes the files of a folder as the database has the devices.

    Args:
        engine: The database.
        folder: Where to write.
        broker: The broker with our own login.
        listener: Where Mosquitto listens.
        home_assistant: Whether Home Assistant gets a login.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        folder: Path,
        broker: BrokerAddress,
        listener: Listener,
        *,
        home_assistant: bool = False,
    ) -> None:
        self._engine = engine
        self._folder = folder
        self._broker = broker
        self._listener = listener
        self._home_assistant = home_assistant

    async def write(self) -> tuple[list[str], int]:
        """Write what changed; return the names of those files, and how many devices there are.

        Raises:
            OperatorMustAct: `mosquitto_unwritable`.
            TryAgain: the database does not answer.
        """
        key = await signing_key(self._engine, MQTT_KEY)
        logins = Logins(
            (self._broker.user, self._broker.password),
            await self._devices(key),
            home_assistant_password(key) if self._home_assistant else None,
        )
        files = {
            PASSWORDS: password_file(logins, key),
            ACL: access_control_list(logins),
            CONFIGURATION: configuration(self._folder, self._listener),
        }
        try:
            return write_files(self._folder, files.items()), len(logins.devices)
        except OSError as error:
            raise OperatorMustAct(
                "mosquitto_unwritable",
                f"Can't write to {self._folder} ({error.strerror}). Choose another folder, or run this as "
                "its owner.",
            ) from None

    async def _devices(self, key: bytes) -> dict[str, str]:
        # The index on channels has the first condition.
        query = select(t.c.id, t.c.token_hash).where(t.c.channel != "https", t.c.channel.in_(MQTT_CHANNELS))
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query.order_by(t.c.id))).all()
        return {str(row.id): device_password(key, row.id, row.token_hash) for row in rows}


def home_assistant_password(key: bytes) -> str:
    """Return the password of Home Assistant's user; it stays the same.

    Args:
        key: The signing key named `MQTT_KEY`.
    """
    digest = hmac.new(key, b"home assistant", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
