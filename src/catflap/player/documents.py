"""Schedule documents as they arrive, maybe from something else that answers at the address of the server."""

import json
from datetime import UTC, datetime
from typing import Any

# Outside of them a time is no time of a schedule, and sums with it could overflow.
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def checked_document(value: Any) -> dict[str, Any] | None:
    """Return a schedule document; None if it is none, or has less than a device needs."""
    try:
        _check_time(value["now"])
        if value.get("muted_until") is not None:
            _check_zone(datetime.fromisoformat(value["muted_until"]))
        _check_number(value["volume"], 100)
        if not isinstance(value["announcements"], list):
            raise TypeError("announcements")
        for one in value["announcements"]:
            _check_announcement(one)
        # It will be stored: half a surrogate pair can't be.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return dict(value)


def _check_announcement(one: Any) -> None:
    for name in ("play_at", "expires_at"):
        _check_time(one[name])
    for name in ("id", "kind"):
        if not isinstance(one[name], str):
            raise TypeError(name)
    audio = one["audio"]
    if audio is None:
        return
    if not all(isinstance(audio[name], str) for name in ("url", "sha256")):
        raise TypeError("audio")
    _check_number(audio["bytes"], 2**32)


def _check_time(value: Any) -> None:
    time = datetime.fromisoformat(value)
    _check_zone(time)
    if not _EARLIEST <= time < _LATEST:
        raise ValueError("time")


def _check_zone(time: datetime) -> None:
    if time.tzinfo is None:
        raise ValueError("zone")


def _check_number(value: Any, most: int) -> None:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("number")
