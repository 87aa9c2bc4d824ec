"""The API of devices: what can be set, sounds, heartbeats, acknowledgements."""

from typing import Annotated, Any, get_args

from fastapi import Header, Path, Request
from fastapi.responses import Response

from catflap.announcements.preference_store import load_preferences
from catflap.announcements.zones import unknown_zone_error
from catflap.calendars.datetimes import is_zone
from catflap.devices.signed_urls import PATH
from catflap.errors import BadRequest
from catflap.speech.audio_format import MediaType
from catflap.web.authentication import CurrentDevice, CurrentSession, ServicesDep
from catflap.web.input_types import PathId
from catflap.web.problem_route import new_router, secret_address
from catflap.web.ranges import ranged
from catflap.web.schemas.devices import (
    AckBody,
    DeviceBody,
    DeviceChange,
    DeviceList,
    DeviceResource,
    QuietHoursBody,
    TokenBody,
)
from catflap.web.schemas.problems import DEVICE, SESSION, problems
from catflap.web.services import Services

router = new_router(tag="devices")
_SOUND: dict[str, Any] = {
    media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in get_args(MediaType)
}
_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "For If-None-Match."}}
_RANGE = {"Content-Range": {"schema": {"type": "string"}, "description": "RFC 9110 section 14.4."}}
_CACHED = {"Cache-Control": {"schema": {"type": "string"}, "description": "Private, for an hour."}}
_ACCEPT_RANGES = {"Accept-Ranges": {"schema": {"const": "bytes"}, "description": "Byte ranges are served."}}


@router.post(
    "/v1/devices",
    status_code=201,
    operation_id="addDevice",
    summary="Claim a device by its code, or make this browser a device",
    response_description="The device; of a browser its token too.",
    responses=problems(
        *SESSION, "already_paired", "invalid_request", "not_found", "rate_limited", "too_many"
    ),
)
async def add_device(
    request: Request, body: DeviceBody, session: CurrentSession, services: ServicesDep
) -> DeviceResource:
    """Claim the device that shows `code`; with `browser`, make this browser one and return its token.

    Of several who claim a device, one gets it, and `not_found` is for the others. After five wrong codes
    within an hour, a user waits.
    """
    if body.browser:
        name = body.name or "Browser"
        device, token = await services.devices.add_browser(session.user_id, name, session.id)
        return DeviceResource.of(device, services.clock.now(), session.user_id, token=token)
    if body.code is None:
        raise BadRequest("invalid_request", "Send the code that the device shows.")
    address = services.limits.address(request)
    claimed, waited = await services.pairings.claim(
        session.user_id, body.code, body.name, room=body.room, address=address
    )
    now = services.clock.now()
    return DeviceResource.of(claimed, now, session.user_id, asked_from=waited.address)


@router.get(
    "/v1/devices",
    operation_id="listDevices",
    summary="The user's devices",
    response_description="All devices.",
    responses=problems(*SESSION),
)
async def all_devices(session: CurrentSession, services: ServicesDep) -> DeviceList:
    """List the devices, shared ones of others too.

    One is `online` when it sent a heartbeat within the last 45 seconds.
    """
    now = services.clock.now()
    found = await services.devices.heard_by(session.user_id)
    return DeviceList(devices=[DeviceResource.of(one, now, session.user_id) for one in found])


@router.patch(
    "/v1/devices/{device_id}",
    operation_id="changeDevice",
    summary="Change a device's name, room, volume, mute, quiet hours or audio format",
    response_description="The device as it is now.",
    responses=problems(*SESSION, "invalid_request", "format_unavailable", "not_found", "zone_unknown"),
)
async def change_device(
    device_id: PathId, body: DeviceChange, session: CurrentSession, services: ServicesDep
) -> DeviceResource:
    """Change what is sent; members that are left out stay as they are.

    `muted_until` null ends a mute, and `quiet_hours` null the quiet hours.
    """
    changes = body.model_dump(exclude_unset=True, exclude={"quiet_hours"})
    if "quiet_hours" in body.model_fields_set:
        changes |= await _quiet_hours(body.quiet_hours, session.user_id, services)
    if any(changes.get(name, "") is None for name in ("name", "room", "volume", "audio")):
        raise BadRequest("invalid_request", "name, room, volume and audio can be changed, not taken away.")
    if not changes:
        raise BadRequest("invalid_request", "Send name, room, volume, audio, muted_until or quiet_hours.")
    if body.audio is not None:
        changes["audio"] = str(body.audio.checked())
    changed = await services.devices.update(session.user_id, device_id, **changes)
    return DeviceResource.of(changed, services.clock.now(), session.user_id)


@router.delete(
    "/v1/devices/{device_id}",
    status_code=204,
    response_class=Response,
    operation_id="removeDevice",
    summary="Unpair a device",
    response_description="Unpaired.",
    responses=problems(*SESSION, "invalid_request", "not_found"),
)
async def remove_device(device_id: PathId, session: CurrentSession, services: ServicesDep) -> None:
    """Remove a device; its token and the addresses of its sounds stop working."""
    await services.devices.remove(session.user_id, device_id)


@router.post(
    "/v1/device/token",
    status_code=204,
    response_class=Response,
    operation_id="rotateToken",
    summary="Replace the device's token",
    response_description="From here on the new token is valid, and the old one is not.",
    responses=problems(*DEVICE, "already_paired", "invalid_request"),
)
async def rotate_token(body: TokenBody, device: CurrentDevice, services: ServicesDep) -> None:
    """Replace the token; open streams of the device end.

    Store the new token beside the old one before the request, and use the one that works after it: the answer
    may be lost.
    """
    await services.devices.rotate_token(device, body.token_sha256)


@router.post(
    "/v1/device/heartbeat",
    status_code=204,
    response_class=Response,
    operation_id="sendHeartbeat",
    summary="Tell that the device is online",
    response_description="Noted.",
    responses=problems(*DEVICE),
)
async def heartbeat(device: CurrentDevice, services: ServicesDep) -> None:
    """Note that the device is online; send one every 20 seconds, after 45 seconds it counts as offline.

    What was due meanwhile counts as missed then, so send the acknowledgements of what was played before it.
    """
    await services.presence.record_seen(device)


@router.post(
    "/v1/device/acks",
    status_code=204,
    response_class=Response,
    operation_id="acknowledgeAnnouncement",
    summary="Tell what became of an announcement",
    response_description="Noted.",
    responses=problems(*DEVICE, "invalid_request", "not_found"),
)
async def ack(body: AckBody, device: CurrentDevice, services: ServicesDep) -> None:
    """Store what became of an announcement; idempotent, the same again or late changes nothing."""
    await services.acks.record(device.id, body.announcement, body.state, body.at, body.detail)


@router.get(
    PATH + "{name}",
    operation_id="getSound",
    summary="The sound of an announcement",
    response_class=Response,
    response_description="The whole sound.",
    responses={
        200: {"content": _SOUND, "headers": {**_ETAG, **_ACCEPT_RANGES, **_CACHED}},
        206: {
            "description": "The range that was asked for.",
            "content": _SOUND,
            "headers": {**_ETAG, **_ACCEPT_RANGES, **_RANGE},
        },
        416: {"description": "The sound has no such range.", "headers": _RANGE},
        **problems("not_found", "expired"),
    },
)
@router.get(PATH + "{name}/", include_in_schema=False)
@secret_address
async def sound(
    name: Annotated[str, Path(description="As in the address that the schedule gives.")],
    services: ServicesDep,
    range: Annotated[str | None, Header(description="One byte range (RFC 9110 section 14.2).")] = None,
) -> Response:
    """Return a sound; its signed address is the only credential, until an hour after the sound was due."""
    found = await services.sounds.open(name)
    headers = {"Cache-Control": "private, max-age=3600, immutable", "ETag": f'"{found.sha256}"'}
    return ranged(found.content, range, found.audio.media_type, headers)


async def _quiet_hours(body: QuietHoursBody | None, user_id: int, services: Services) -> dict[str, Any]:
    """Return the columns of quiet hours, in the owner's time zone if none is sent."""
    if body is None:
        return dict.fromkeys(("quiet_from", "quiet_until", "quiet_zone"))
    if body.zone is not None and not is_zone(body.zone):
        raise unknown_zone_error()
    zone = body.zone or (await load_preferences(services.engine, user_id)).zone
    return {"quiet_from": body.begin, "quiet_until": body.end, "quiet_zone": zone}
