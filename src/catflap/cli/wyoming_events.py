"""Read events of the Wyoming protocol with limits; the package's own reader takes any length.

An event is a line of JSON, then as many bytes of JSON as its `data_length` says, then as many bytes of
payload as its `payload_length` says.
"""

import asyncio
import json
from typing import Any

from wyoming.event import Event

# Events that a text-to-speech server gets have no payload.
MOST_BYTES = 64 * 1024


class WrongEvent(Exception):
    """What was received is no event, or too long for one."""


async def read_event(reader: asyncio.StreamReader) -> Event | None:
    """Return the next event, or None when the stream has ended between two events.

    Args:
        reader: With a limit of at least `MOST_BYTES`.

    Raises:
        WrongEvent: it is no event, or longer than `MOST_BYTES`.
        asyncio.IncompleteReadError: the stream ended within an event.
    """
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        raise WrongEvent from None
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise
    head = _json_object(line)
    kind, data = head.get("type"), head.get("data") or {}
    if not isinstance(kind, str) or not isinstance(data, dict):
        raise WrongEvent
    more = await reader.readexactly(_length(head, "data_length"))
    if more:
        data = {**data, **_json_object(more)}
    payload = await reader.readexactly(_length(head, "payload_length"))
    return Event(kind, data, payload or None)


def _json_object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
        # Halves of UTF-16 characters can't be answered with.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise WrongEvent from None
    if not isinstance(found, dict):
        raise WrongEvent
    return found


def _length(head: dict[str, Any], name: str) -> int:
    length = head.get(name) or 0
    if not isinstance(length, int) or not 0 <= length <= MOST_BYTES:
        raise WrongEvent
    return length
