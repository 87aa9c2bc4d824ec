"""Read a user's announcements for the API."""

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.store.tables import announcements, sounds
from catflap.web.schemas.calendars import AnnouncementList, AnnouncementResource


async def read_announcements(connection: AsyncConnection, *where: ColumnElement[bool]) -> AnnouncementList:
    """Return the announcements that meet `where`, in the order in which they are said."""
    a = announcements
    query = (
        select(a, sounds.c.seconds)
        .outerjoin(sounds, sounds.c.key == a.c.sound_key)
        .where(*where)
        .order_by(a.c.play_at, a.c.id)
    )
    rows = (await connection.execute(query)).all()
    return AnnouncementList(announcements=[AnnouncementResource.of(row) for row in rows])
