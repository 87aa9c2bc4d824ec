"""Acknowledge, snooze and repeat announcements, as their user or at the device itself."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Path
from fastapi.responses import Response
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.announcements.at_once import is_held, repeat_now
from catflap.announcements.reactions import (
    MAX_SNOOZE_MINUTES,
    acknowledge_occurrences,
    find_announcement,
    last_announcement,
    snooze,
)
from catflap.devices.devices import Device
from catflap.errors import BadRequest
from catflap.store.tables import announcements
from catflap.web.announcement_resources import read_announcements
from catflap.web.authentication import CurrentDevice, CurrentSession, ServicesDep
from catflap.web.input_types import Text
from catflap.web.problem_route import new_router
from catflap.web.schemas.calendars import AnnouncementResource
from catflap.web.schemas.problems import DEVICE, SESSION, problems
from catflap.web.schemas.reactions import (
    DeviceActionBody,
    DeviceActionResource,
    SnoozeBody,
    SnoozeResource,
)
from catflap.web.services import Services

router = new_router("/v1")
_AnnouncementId = Annotated[
    Text, Path(max_length=64, description="Of `listAnnouncements` or of a schedule.", examples=["0fd3…"])
]
_SNOOZE_MINUTES, _MUTE_MINUTES = 5, 60


@router.post(
    "/announcements/{announcement_id}/acknowledge",
    status_code=204,
    response_class=Response,
    tags=["announcements"],
    operation_id="acknowledgeAppointment",
    summary="Acknowledge an announcement",
    response_description="It is acknowledged.",
    responses=problems(*SESSION, "invalid_request", "not_found"),
)
async def acknowledge(
    announcement_id: _AnnouncementId, session: CurrentSession, services: ServicesDep
) -> None:
    """End its repeats and snoozes, on all devices; idempotent."""
    async with services.engine.begin() as connection:
        found = await find_announcement(connection, announcement_id, user_id=session.user_id)
        await acknowledge_occurrences(connection, found, services.clock.now())


@router.post(
    "/announcements/{announcement_id}/snooze",
    tags=["announcements"],
    operation_id="snoozeAnnouncement",
    summary="Have something announced again later",
    response_description="When.",
    responses=problems(*SESSION, "invalid_request", "not_found"),
)
async def snooze_announcement(
    announcement_id: _AnnouncementId, body: SnoozeBody, session: CurrentSession, services: ServicesDep
) -> SnoozeResource:
    """Announce it again after some minutes; the last choice counts, and until then it is not repeated.

    An appointment is announced with the minutes that are left by then, or since when it lasts.
    """
    async with services.engine.begin() as connection:
        found = await find_announcement(connection, announcement_id, user_id=session.user_id)
        play_at = await snooze(connection, found, body.minutes, services.clock.now())
    return SnoozeResource(play_at=play_at)


@router.post(
    "/announcements/{announcement_id}/repeat",
    tags=["announcements"],
    operation_id="repeatAnnouncement",
    summary="Say an announcement once more",
    response_description="The announcement that is said now, of the kind `repeat`.",
    responses=problems(*SESSION, "invalid_request", "not_found", "rate_limited"),
)
async def repeat_announcement(
    announcement_id: _AnnouncementId, session: CurrentSession, services: ServicesDep
) -> AnnouncementResource:
    """Say the same again at once, on the same device; while that waits, another request makes no second."""
    services.say_limit.check(str(session.user_id))
    async with services.engine.begin() as connection:
        found = await find_announcement(connection, announcement_id, user_id=session.user_id)
        now = services.clock.now()
        made = await repeat_now(connection, found, now)
        (resource,) = (await read_announcements(connection, announcements.c.id == made)).announcements
    return resource


@router.post(
    "/device/actions",
    tags=["devices"],
    operation_id="sendAction",
    summary="Tell what somebody did at the device",
    response_description="What came of it.",
    responses=problems(*DEVICE, "invalid_request", "not_found", "rate_limited"),
)
async def act(body: DeviceActionBody, device: CurrentDevice, services: ServicesDep) -> DeviceActionResource:
    """Acknowledge, snooze or repeat an announcement of this device, or mute this device alone."""
    now = services.clock.now()
    if body.minutes is not None and body.action not in ("snooze", "mute"):
        raise BadRequest("invalid_request", "minutes: only to snooze or to mute.")
    if body.action == "mute":
        return await _mute(services, device, body, now)
    minutes = _SNOOZE_MINUTES if body.minutes is None else body.minutes
    if not 1 <= minutes <= MAX_SNOOZE_MINUTES:
        raise BadRequest("invalid_request", f"minutes: snooze for 1 to {MAX_SNOOZE_MINUTES}.")
    if body.action == "repeat":
        services.say_limit.check(str(device.user_id))
    async with services.engine.begin() as connection:
        found = await _meant(connection, device, body.announcement, now)
        play_at = await _react(connection, body.action, found, minutes, now)
    return DeviceActionResource(announcement=found.id, play_at=play_at, muted_until=None)


async def _meant(
    connection: AsyncConnection, device: Device, announcement_id: str | None, now: datetime
) -> Row[Any]:
    if announcement_id is None:
        return await last_announcement(connection, device.id, now)
    return await find_announcement(connection, announcement_id, device_id=device.id)


async def _react(
    connection: AsyncConnection, action: str, found: Row[Any], minutes: int, now: datetime
) -> datetime | None:
    """Do what somebody wants with an announcement; return when it is announced again."""
    if action == "snooze":
        return await snooze(connection, found, minutes, now)
    if action == "repeat":
        made = await repeat_now(connection, found, now)
        return None if await is_held(connection, made) else now
    await acknowledge_occurrences(connection, found, now)
    return None


async def _mute(
    services: Services, device: Device, body: DeviceActionBody, now: datetime
) -> DeviceActionResource:
    if body.announcement is not None:
        raise BadRequest("invalid_request", "announcement: not for mute.")
    minutes = _MUTE_MINUTES if body.minutes is None else body.minutes
    until = now + timedelta(minutes=minutes) if minutes else None
    await services.devices.update(device.user_id, device.id, muted_until=until)
    return DeviceActionResource(announcement=None, play_at=None, muted_until=until)
