"""MQTT 3.1.1 byte by byte, for tests that look at single packets or send wrong ones."""

import asyncio
import json
from typing import Any

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 0x10, 0x20, 0x30, 0x40, 0x82, 0x90


def text(content: str | bytes) -> bytes:
    """Return a string as MQTT has it."""
    encoded = content.encode() if isinstance(content, str) else content
    return len(encoded).to_bytes(2, "big") + encoded


def packet(kind: int, body: bytes) -> bytes:
    """Return a control packet."""
    size, length = len(body), b""
    while True:
        size, low = size >> 7, size & 127
        length += bytes([low | 128 if size else low])
        if not size:
            return bytes([kind]) + length + body


def publication(topic: str, payload: bytes, *, number: int = 1, retain: bool = True) -> bytes:
    """Return a publication with QoS 1."""
    return packet(PUBLISH | 2 | retain, text(topic) + number.to_bytes(2, "big") + payload)


async def read_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return the kind and body of the next packet."""
    kind = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return kind, await reader.readexactly(size)


class MqttClient:
    """A client that publishes, and collects what it is sent by topic."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0
        self.received: list[tuple[str, Any]] = []
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, port: int, user: str, password: str) -> "MqttClient":
        """Log in, and subscribe to everything."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        client = cls(reader, writer)
        login = text("MQTT") + bytes([4, 0xC2, 0, 0]) + text(user) + text(user) + text(password)
        writer.write(packet(CONNECT, login))
        kind, body = await read_packet(reader)
        assert (kind, body[1]) == (CONNACK, 0), "the broker refuses the test's login"
        writer.write(packet(SUBSCRIBE, b"\x00\x01" + text("#") + b"\x01"))
        client._task = asyncio.create_task(client._read())
        return client

    async def _read(self) -> None:
        while True:
            kind, body = await read_packet(self._reader)
            if kind & 0xF0 != PUBLISH:
                continue
            length = int.from_bytes(body[:2], "big")
            payload = body[2 + length + (2 if kind & 6 else 0) :]
            if kind & 6:
                self._writer.write(packet(PUBACK, body[2 + length : 4 + length]))
            async with self._news:
                self.received.append((body[2 : 2 + length].decode(), json.loads(payload)))
                self._news.notify_all()

    async def publish(self, topic: str, document: Any) -> None:
        """Publish a retained message."""
        self._number += 1
        content = json.dumps(document, ensure_ascii=False).encode()
        self._writer.write(publication(topic, content, number=self._number))
        await self._writer.drain()

    async def until(self, topic: str, *, after: int = 0, **members: Any) -> dict[str, Any]:
        """Wait for a message with these members, the first after number `after`."""

        def found() -> list[dict[str, Any]]:
            news = self.received[after:]
            return [one for name, one in news if name == topic and members.items() <= one.items()]

        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(found)
        return found()[0]

    async def close(self) -> None:
        """Close the connection."""
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)
