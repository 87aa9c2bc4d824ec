"""Parse what devices publish. A message that is none is refused with a reason that holds nothing of it."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from catflap.announcements.acknowledging import ACK_STATES

# Ten times of what the longest acknowledgement has.
MAX_BYTES: Final = 8 * 1024
_MAX_ID, _MAX_DETAIL = 64, 200


class NotUnderstood(Exception):
    """A message is malformed; the text says how."""


@dataclass(frozen=True)
class AckMessage:
    """What became of an announcement, as the body of `POST /v1/device/acks`."""

    announcement: str
    state: str
    at: datetime
    detail: str | None


def parse_ack(payload: bytes) -> AckMessage:
    """Parse an acknowledgement.

    Raises:
        NotUnderstood: it is none.
    """
    found = _parse_object(payload)
    announcement = _text(found, "announcement", _MAX_ID)
    state = _text(found, "state", 10)
    detail = None if found.get("detail") is None else _text(found, "detail", _MAX_DETAIL)
    try:
        at = datetime.fromisoformat(_text(found, "at", 40))
    except ValueError:
        raise NotUnderstood("at is no time") from None
    if at.tzinfo is None:
        raise NotUnderstood("at has no time zone")
    if state not in ACK_STATES:
        raise NotUnderstood("state is unknown")
    return AckMessage(announcement, state, at, detail)


def parse_state(payload: bytes) -> bool:
    """Return whether a device says that it is online.

    Raises:
        NotUnderstood: it says nothing about that.
    """
    state = _text(_parse_object(payload), "state", 10)
    if state not in ("online", "offline"):
        raise NotUnderstood("state is unknown")
    return state == "online"


def parse_text(payload: bytes, most: int) -> str:
    """Return a payload that is a text of at most `most` characters, without white space around it.

    Raises:
        NotUnderstood: it is not UTF-8, or longer.
    """
    if len(payload) > MAX_BYTES:
        raise NotUnderstood("too large")
    try:
        text = payload.decode().strip()
    except UnicodeDecodeError:
        raise NotUnderstood("not UTF-8") from None
    if len(text) > most or "\0" in text:
        raise NotUnderstood("too long")
    return text


def _parse_object(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_BYTES:
        raise NotUnderstood("too large")
    try:
        found = json.loads(payload.decode())
    except UnicodeDecodeError:
        raise NotUnderstood("not UTF-8") from None
    except (ValueError, RecursionError):
        raise NotUnderstood("not JSON") from None
    if not isinstance(found, dict):
        raise NotUnderstood("no object")
    return found


def _text(found: dict[str, Any], name: str, most: int) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise NotUnderstood(f"{name} is no text of at most {most} characters")
    # PostgreSQL stores neither; RFC 8259 section 8.2 warns of the latter.
    if "\0" in value or not value.isprintable() or any(0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise NotUnderstood(f"{name} has characters that can't be stored")
    return value
