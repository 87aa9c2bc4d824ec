"""Read a user's announcements for the API."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.planning import HORIZON
from catflap.store.tables import announcements, devices, sounds
from catflap.web.schemas.calendars import AnnouncementList, AnnouncementResource

# All of today, which has 25 hours where clocks are set back.
LOOK_BACK = timedelta(hours=25)
# A bound of the answer: a full day on all the devices that a user may have.
MOST = 1000


async def read_announcements(connection: AsyncConnection, *where: ColumnElement[bool]) -> AnnouncementList:
    """Return the announcements that meet `where`, in the order in which they are said."""
    return await _listed(connection, _query().where(*where))


async def read_announcements_around(
    connection: AsyncConnection, user_id: int, now: datetime
) -> AnnouncementList:
    """Return what is said to a user in the next `HORIZON` and was in the last `LOOK_BACK`.

    Those nearest to `now` if there are more than `MOST`.
    """
    a = announcements.c
    mine = a.user_id == user_id, a.state != "cancelled"
    around = a.play_at >= now - LOOK_BACK, a.play_at < now + HORIZON
    nearest = func.abs(func.extract("epoch", a.play_at - now))
    return await _listed(connection, _query().where(*mine, *around).order_by(nearest).limit(MOST))


def _query() -> Select[Any]:
    a = announcements
    return (
        select(a, devices.c.name.label("device_name"), sounds.c.seconds)
        .join(devices, devices.c.id == a.c.device_id)
        .outerjoin(sounds, sounds.c.key == a.c.sound_key)
    )


async def _listed(connection: AsyncConnection, query: Select[Any]) -> AnnouncementList:
    rows = (await connection.execute(query)).all()
    in_order = sorted(rows, key=lambda row: (row.play_at, row.id))
    return AnnouncementList(announcements=[AnnouncementResource.of(row) for row in in_order])
