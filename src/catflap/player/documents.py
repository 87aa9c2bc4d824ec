"""Schedule documents as they arrive, maybe from something else that answers at the address of the server."""

from datetime import datetime
from typing import Any


def checked_document(value: Any) -> dict[str, Any] | None:
    """Return a schedule document; None if it is none, or has less than a device needs."""
    try:
        datetime.fromisoformat(value["now"])
        if value.get("muted_until") is not None:
            datetime.fromisoformat(value["muted_until"])
        int(value["volume"])
        for one in value["announcements"]:
            _check_announcement(one)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return dict(value)


def _check_announcement(one: Any) -> None:
    for name in ("play_at", "expires_at"):
        if datetime.fromisoformat(one[name]).tzinfo is None:
            raise ValueError(name)
    for name in ("id", "kind"):
        if not isinstance(one[name], str):
            raise TypeError(name)
    audio = one["audio"]
    if audio is not None and not all(isinstance(audio[name], str) for name in ("url", "sha256")):
        raise TypeError("audio")
    if audio is not None and audio["bytes"] < 0:
        raise ValueError("bytes")
