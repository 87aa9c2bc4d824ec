"""The connection to an MQTT broker: MQTT 5, or 3.1.1 where the broker knows no other.

Its session outlasts the connection, so that acknowledgements wait on the broker while no process of ours is
connected. All processes use one client id: a new connection ends one that was forgotten.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from catflap.devices.channels.mqtt_topics import SERVER_TOPIC
from catflap.errors import CatflapError, OperatorMustAct, TryAgain
from catflap.mqtt_settings import BrokerAddress
from catflap.tls import tls_context

_CLIENT_ID = "catflap"
_KEEPALIVE_SECONDS = 30
_ANSWER_SECONDS = 10.0
_SESSION_SECONDS = 24 * 60 * 60
# Waiting acknowledgements of one installation; more are dropped, and logged by the library.
_MOST_INCOMING = 200_000
# Of messages with QoS 0, which no broker holds back; beyond it they are dropped. Those with QoS 1 are few: a
# broker sends no more until they are acknowledged.
_MOST_INCOMING_BYTES = 32 * 1024 * 1024
# No schedule is larger; a broker with MQTT 5 keeps larger messages from us.
MAX_PACKET_BYTES = 512 * 1024
# For each call the library looks at all that wait for an answer: thousands would take seconds.
_MOST_OUTGOING = 50
# Reason codes of CONNACK, of MQTT 5 (section 3.2.2.2), to which the library translates those of 3.1.1.
_PROTOCOL_UNKNOWN, _BAD_LOGIN, _NOT_AUTHORIZED = 0x84, 0x86, 0x87
# Counts of pending calls and the like; what matters is told by errors.
_QUIET = logging.getLogger("catflap.mqtt")
_QUIET.setLevel(logging.CRITICAL)


class BrokerUnavailable(TryAgain):
    """The broker does not answer, or ended the connection."""

    def __init__(self, reason: str) -> None:
        super().__init__("mqtt_unavailable", "The MQTT broker does not answer right now.", detail=reason)


class Broker:
    """A broker to connect to.

    Args:
        address: The broker, with our login.
        ca_file: Certificates of the authority that signed the broker's; None for the system's.

    Raises:
        OperatorMustAct: `mqtt_ca_unreadable`.
    """

    def __init__(self, address: BrokerAddress, ca_file: Path | None = None) -> None:
        self._address = address
        self._tls = _tls(ca_file) if address.tls else None
        self._version = aiomqtt.ProtocolVersion.V5

    @asynccontextmanager
    async def connected(self, *, has_will: bool = True) -> AsyncIterator["Connection"]:
        """Connect, with a last will on `SERVER_TOPIC`; the context raises when the connection is lost.

        Args:
            has_will: Whether to have that will.

        Raises:
            BrokerUnavailable: also when it is lost later.
            OperatorMustAct: `mqtt_refused`, `mqtt_certificate_invalid`.
        """
        try:
            async with self._client(has_will=has_will) as client:
                yield Connection(client, has_version_5=self._version == aiomqtt.ProtocolVersion.V5)
        except aiomqtt.MqttError as error:
            raise self._translate(error) from None

    async def check_login(self) -> None:
        """Connect once and leave, without a last will; what waits in the session stays there.

        Not while a Catflap is connected: Mosquitto takes the user name for the client id, and would end its
        connection.

        Raises:
            CatflapError: as `connected`.
        """
        try:
            async with self.connected(has_will=False):
                return
        except BrokerUnavailable:
            if self._version == aiomqtt.ProtocolVersion.V5:
                raise
        # The broker knows no MQTT 5, and the other was chosen.
        async with self.connected(has_will=False):
            pass

    async def check_reachable(self) -> None:
        """Open a connection without logging in, which disturbs nobody.

        Raises:
            BrokerUnavailable: nobody listens.
            OperatorMustAct: `mqtt_certificate_invalid`.
        """
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                _, writer = await asyncio.open_connection(
                    self._address.host, self._address.port, ssl=self._tls
                )
        except ssl.SSLCertVerificationError as error:
            raise _certificate_invalid(error) from None
        except OSError as error:
            raise BrokerUnavailable(type(error).__name__) from None
        writer.close()

    def _client(self, *, has_will: bool) -> aiomqtt.Client:
        is_5 = self._version == aiomqtt.ProtocolVersion.V5
        properties = None
        if is_5:
            properties = _properties(
                PacketTypes.CONNECT,
                SessionExpiryInterval=_SESSION_SECONDS,
                MaximumPacketSize=MAX_PACKET_BYTES,
            )
        client = aiomqtt.Client(
            self._address.host,
            self._address.port,
            username=self._address.user or None,
            password=self._address.password or None,
            identifier=self._address.user or _CLIENT_ID,
            protocol=self._version,
            clean_session=None if is_5 else False,
            clean_start=False,
            properties=properties,
            will=aiomqtt.Will(SERVER_TOPIC, b"offline", qos=1, retain=True) if has_will else None,
            keepalive=_KEEPALIVE_SECONDS,
            timeout=_ANSWER_SECONDS,
            tls_context=self._tls,
            queue_type=IncomingMessages,
            max_queued_incoming_messages=_MOST_INCOMING,
            max_concurrent_outgoing_calls=_MOST_OUTGOING,
            logger=_QUIET,
        )
        client.pending_calls_threshold = _MOST_INCOMING
        # The library has no public way to this; see `Connection.done`.
        client._client.manual_ack_set(True)
        return client

    def _translate(self, error: aiomqtt.MqttError) -> CatflapError:
        # The library raises its own error from none, but the cause stays as the context.
        cause = error.__context__
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_invalid(cause)
        code = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
        value = code.value if isinstance(code, ReasonCode) else code
        if isinstance(error, MqttConnectError):
            if value in (_BAD_LOGIN, _NOT_AUTHORIZED):
                return OperatorMustAct(
                    "mqtt_refused",
                    "The MQTT broker refuses the user name or password in CATFLAP_MQTT_URL. `catflap device "
                    "mosquitto` writes a password file that has them; restart Mosquitto afterwards.",
                )
            if value == _PROTOCOL_UNKNOWN:
                self._version = aiomqtt.ProtocolVersion.V311
        reason = type(cause).__name__ if cause is not None else type(error).__name__
        return BrokerUnavailable(f"{reason} {value}" if value is not None else reason)


class IncomingMessages(asyncio.Queue[aiomqtt.Message]):
    """What waits to be handled; a flood of messages with QoS 0 fills no memory, and drops no others."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._bytes = 0

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Add a message.

        Raises:
            asyncio.QueueFull: it is dropped.
        """
        if item.qos == 0 and self._bytes >= _MOST_INCOMING_BYTES:
            raise asyncio.QueueFull
        super().put_nowait(item)

    def _put(self, item: aiomqtt.Message) -> None:
        self._bytes += _size(item)
        super()._put(item)

    def _get(self) -> aiomqtt.Message:
        item: aiomqtt.Message = super()._get()
        self._bytes -= _size(item)
        return item


class Connection:
    """An open connection to a broker."""

    def __init__(self, client: aiomqtt.Client, *, has_version_5: bool) -> None:
        self._client = client
        self._has_version_5 = has_version_5

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1) -> None:
        """Publish; with QoS 1 return when the broker has it.

        Args:
            topic: The topic.
            payload: Empty clears a retained message.
            retain: Whether the broker keeps it.
            qos: With 0 it reaches a device at most once, and only one that is connected.

        Raises:
            BrokerUnavailable: the broker may have it or not.
        """
        try:
            await self._client.publish(topic, payload, qos=qos, retain=retain)
        except aiomqtt.MqttError as error:
            raise BrokerUnavailable(type(error).__name__) from None

    async def subscribe(self, *filters: str, qos: int = 1) -> None:
        """Subscribe, without what we publish ourselves where the broker has MQTT 5.

        Args:
            filters: The topics.
            qos: With 1 messages wait on the broker while no process of ours is connected, with 0 they don't.

        Raises:
            BrokerUnavailable: the connection is lost.
            OperatorMustAct: `mqtt_refused`.
        """
        topics: Any = [(one, qos) for one in filters]
        if self._has_version_5:
            topics = [(one, SubscribeOptions(qos=qos, noLocal=True)) for one in filters]
        try:
            codes = await self._client.subscribe(topics)
        except aiomqtt.MqttError as error:
            raise BrokerUnavailable(type(error).__name__) from None
        if any((code.value if isinstance(code, ReasonCode) else code) >= 0x80 for code in codes):
            raise OperatorMustAct(
                "mqtt_refused",
                "The MQTT broker does not let Catflap's user read the topics of devices; it needs "
                "catflap/# and homeassistant/#.",
            )

    def done(self, message: aiomqtt.Message) -> None:
        """Tell the broker that a message was handled; it sends any other again to the next connection."""
        if message.qos > 0:
            self._client._client.ack(message.mid, message.qos)

    async def messages(self) -> AsyncIterator[aiomqtt.Message]:
        """Yield what comes in; call `done` with each.

        Raises:
            BrokerUnavailable: the connection is lost.
        """
        try:
            async for message in self._client.messages:
                yield message
        except aiomqtt.MqttError as error:
            raise BrokerUnavailable(type(error).__name__) from None


def _certificate_invalid(error: ssl.SSLCertVerificationError) -> OperatorMustAct:
    return OperatorMustAct(
        "mqtt_certificate_invalid",
        f"The certificate of the MQTT broker is not valid ({error.verify_message}). Renew it, or set "
        "CATFLAP_MQTT_CA_FILE to the certificate of the authority that signed it.",
    )


def _size(message: aiomqtt.Message) -> int:
    # With what the objects of a message take.
    return 1000 + (len(message.payload) if isinstance(message.payload, bytes) else 0)


def _properties(packet: int, **values: int) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    for name, value in values.items():
        setattr(properties, name, value)
    return properties


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    if ca_file is None:
        return tls_context()
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise OperatorMustAct(
            "mqtt_ca_unreadable",
            "CATFLAP_MQTT_CA_FILE names a file that can't be read, or that holds no certificate (PEM).",
        ) from None
