"""Determine a user's time zone: the one they chose, else Google Calendar's, else the browser's."""

from collections.abc import Iterable
from typing import Literal

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.calendars.datetimes import is_zone
from catflap.errors import BadRequest
from catflap.store.tables import users

ZoneSource = Literal["user", "google", "browser", "default"]
DEFAULT = "UTC"


def unknown_zone_error() -> BadRequest:
    """Return the error for a name that is not a known IANA time zone."""
    return BadRequest(
        "zone_unknown", "The time zone must be an IANA name such as Asia/Tokyo or Europe/Berlin."
    )


def find_zone(
    chosen: str | None, google: Iterable[str | None], browser: str | None
) -> tuple[str, ZoneSource]:
    """Return the first known zone and its source.

    Args:
        chosen: The zone in the user's preferences, if any.
        google: The zones of their accounts: Calendar's setting, then that of the primary calendar.
        browser: The zone of their browser, if known.
    """
    candidates: list[tuple[ZoneSource, str | None]] = [("user", chosen)]
    candidates += [("google", name) for name in google]
    candidates.append(("browser", browser))
    for source, name in candidates:
        if is_zone(name):
            return str(name), source
    return DEFAULT, "default"


async def store_browser_zone(connection: AsyncConnection, user_id: int, name: str) -> None:
    """Store the time zone of the user's browser.

    Raises:
        BadRequest: `zone_unknown`.
    """
    if not is_zone(name):
        raise unknown_zone_error()
    await connection.execute(update(users).where(users.c.id == user_id).values(browser_zone=name))
