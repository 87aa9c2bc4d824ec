"""Determine a user's time zone: the one they chose, else Google Calendar's, else the browser's."""

from collections.abc import Iterator
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.calendars.datetimes import is_zone
from catflap.errors import BadRequest
from catflap.store.calendar_tables import calendar_syncs, calendars
from catflap.store.tables import accounts, users

ZoneSource = Literal["user", "google", "browser", "default"]
DEFAULT = "UTC"


def unknown_zone_error() -> BadRequest:
    """Return the error for a name that is not a known IANA time zone."""
    return BadRequest(
        "zone_unknown", "The time zone must be an IANA name such as Asia/Tokyo or Europe/Berlin."
    )


async def find_zone(connection: AsyncConnection, user_id: int, chosen: str | None) -> tuple[str, ZoneSource]:
    """Return the first known zone and its source.

    Args:
        connection: The database.
        user_id: The user.
        chosen: The zone in their preferences, if any.
    """
    candidates: list[tuple[ZoneSource, str | None]] = [("user", chosen)]
    candidates += [("google", name) for name in await _from_google(connection, user_id)]
    browser = await connection.scalar(select(users.c.browser_zone).where(users.c.id == user_id))
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


async def _from_google(connection: AsyncConnection, user_id: int) -> Iterator[str | None]:
    """Return the zones of each account: Calendar's setting if known, then that of the primary calendar."""
    a, s, c = accounts.c, calendar_syncs.c, calendars.c
    query = (
        select(s.time_zone.label("setting"), c.time_zone.label("primary"))
        .select_from(accounts)
        .outerjoin(calendar_syncs, (s.user_id == a.user_id) & (s.account_sub == a.sub))
        .outerjoin(calendars, (c.user_id == a.user_id) & (c.account_sub == a.sub) & c.is_primary)
        .where(a.user_id == user_id)
        .order_by(a.is_primary.desc(), a.created_at, a.sub)
    )
    rows = (await connection.execute(query)).all()
    return (name for row in rows for name in (row.setting, row.primary))
