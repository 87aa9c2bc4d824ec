"""Page and sync tokens: opaque to clients, self-contained for the server.

Source: Calendar synchronisation guide; the restrictions are in the discovery document's description of
`syncToken`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from google_sandbox.errors import ApiError
from google_sandbox.request import Call

RESTRICTED = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
)


def pack(kind: str, *parts: Any) -> str:
    """Return the parts as a token."""
    text = json.dumps([kind, *parts], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode()


def unpack(kind: str, token: str, types: Sequence[type | tuple[type, ...]]) -> list[Any] | None:
    """Return the parts of a token of this kind, None if it was not issued here."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, RecursionError):
        return None
    if not isinstance(parts, list) or parts[:1] != [kind] or len(parts) != len(types) + 1:
        return None
    fits = all(isinstance(part, kind_) for part, kind_ in zip(parts[1:], types, strict=True))
    return parts[1:] if fits else None


def invalid_sync_token() -> ApiError:
    """Return the 400 for a sync token that was not issued here."""
    return ApiError(400, "invalid", "Invalid sync token value.", location=("parameter", "syncToken"))


def gone() -> ApiError:
    """Return the 410 that asks for a full synchronisation."""
    return ApiError(
        410,
        "fullSyncRequired",
        "Sync token is no longer valid, a full sync is required.",
        domain="calendar",
        location=("parameter", "syncToken"),
    )


def invalid_page_token() -> ApiError:
    """Return the 400 for a page token that was not issued here."""
    return ApiError(400, "invalid", "Invalid page token value.", location=("parameter", "pageToken"))


def refuse_restrictions(
    call: Call, names: Sequence[str] = RESTRICTED, flags: Sequence[str] = ("showDeleted",)
) -> None:
    """Check that a request combines no other restriction with its sync token.

    Raises:
        ApiError: 400, if one of the names is there, or one of the flags is false.
    """
    false_flag = any(call.query.get(name) and not call.flag(name) for name in flags)
    if false_flag or any(name in call.query for name in names):
        raise ApiError(
            400,
            "invalid",
            "Sync token cannot be used with other request restrictions",
            location=("parameter", "syncToken"),
        )


def as_number(moment: datetime | None) -> float | None:
    """Return an instant as a number a token can carry."""
    return None if moment is None else moment.timestamp()


def as_instant(number: float | None) -> datetime | None:
    """Return the instant a token carried."""
    return None if number is None else datetime.fromtimestamp(number, UTC)
