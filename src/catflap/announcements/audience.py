"""How one user's plan is said on each device: on a shared one, others hear it too (`app.device_members`).

The owner of a device is one of its members, so what is planned for a user is said on each device of which
they are a member.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.names import given_name_of
from catflap.announcements.planned import PlannedAnnouncement
from catflap.announcements.quiet_hours import QuietHours, quiet_hours
from catflap.speech import readings_in
from catflap.store.device_tables import device_members as m
from catflap.store.prepared_reads import PreparedQuery
from catflap.store.row_mapping import Columns
from catflap.store.single_statements import fetch_within
from catflap.store.tables import devices as d


@dataclass(frozen=True)
class Audience:
    """How announcements of a user are said on a device.

    Args:
        name: The name of the user that is said before each; empty for none.
        says_titles: Whether titles are said; else each event is "an appointment".
        quiet: The quiet hours of the device, in which it says nothing.
    """

    name: str = field(default="", repr=False)
    says_titles: bool = True
    quiet: QuietHours | None = None

    def is_quiet(self, at: datetime) -> bool:
        """Return whether the device says nothing at a time."""
        return self.quiet is not None and self.quiet.include(at)


@dataclass(frozen=True)
class UserDevice:
    """A device on which a user's announcements are said.

    Args:
        id: Of the device.
        user_id: The user.
        is_owner: Whether the device is theirs.
        audience: How announcements are said.
        schedule_version: 0 until the first plan.
    """

    id: int
    user_id: int
    is_owner: bool
    audience: Audience
    schedule_version: int


ALONE = Audience()
_DEVICES = select(
    d.c.id,
    m.c.user_id,
    (d.c.user_id == m.c.user_id).label("is_owner"),
    m.c.says_titles,
    d.c.quiet_from,
    d.c.quiet_until,
    d.c.quiet_zone,
    d.c.schedule_version,
    case((m.c.says_name, given_name_of(m.c.user_id))).label("name"),
).join_from(m, d, d.c.id == m.c.device_id)
_OF_USER = PreparedQuery(_DEVICES.where(m.c.user_id == bindparam("user_id")).order_by(d.c.id))
_OF_DEVICE = PreparedQuery(_DEVICES.where(m.c.device_id == bindparam("device_id")).order_by(m.c.user_id))


async def devices_of_user(connection: AsyncConnection, user_id: int) -> list[UserDevice]:
    """Return the devices on which a user's announcements are said: their own and shared ones, by id."""
    return [_device(row) for row in await fetch_within(connection, _OF_USER, user_id=user_id)]


async def members_of_device(connection: AsyncConnection, device_id: int) -> list[UserDevice]:
    """Return whose announcements a device says, by the ids of the users."""
    return [_device(row) for row in await fetch_within(connection, _OF_DEVICE, device_id=device_id)]


def addressed(
    planned: Iterable[PlannedAnnouncement], audience: Audience, readings: Mapping[str, str]
) -> list[PlannedAnnouncement]:
    """Return announcements as they are said to an audience, with the name before each.

    Args:
        planned: The announcements, without titles if `audience` wants none.
        audience: Who hears them.
        readings: The user's dictionary.
    """
    if not audience.name:
        return list(planned)
    name = audience.name, readings_in(audience.name, readings)
    return [replace(one, wording=replace(one.wording, addressed_to=name)) for one in planned]


def _device(row: Columns) -> UserDevice:
    zone = ZoneInfo(row["quiet_zone"] or "UTC")
    quiet = quiet_hours(row["quiet_from"], row["quiet_until"], zone)
    audience = Audience(row["name"] or "", row["says_titles"], quiet)
    return UserDevice(row["id"], row["user_id"], row["is_owner"], audience, row["schedule_version"])
