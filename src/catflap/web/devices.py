"""The API of devices: pairing, the schedule, sounds, signs of life, acknowledgements."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from catflap.announcements.lifecycle import acknowledge
from catflap.devices.registry import OFFLINE_AFTER, Device
from catflap.devices.schedule import instant
from catflap.devices.sound import PATH
from catflap.errors import BadRequest
from catflap.web.inputs import Moment, PathId, Text
from catflap.web.ranges import ranged
from catflap.web.routing import new_router, secret_address
from catflap.web.security import CurrentDevice, CurrentSession, Parts

router = new_router()
_Name = Annotated[Text, Field(min_length=1, max_length=60)]


class Body(BaseModel):
    """A JSON body with nothing but the members we know."""

    model_config = ConfigDict(extra="forbid")


class PairingBody(Body):
    """A device asks for a code; it keeps its secret and sends the hash."""

    token_sha256: Annotated[Text, Field(pattern="^[0-9a-f]{64}$")]
    model: _Name


class DeviceBody(Body):
    """Claim the device that shows `code`, or make this browser one."""

    code: Annotated[Text, Field(max_length=20)] | None = None
    name: _Name | None = None
    browser: bool = False


class DeviceChange(Body):
    """What can be set of a device."""

    name: _Name | None = None
    volume: Annotated[int, Field(ge=0, le=100)] | None = None
    muted_until: Moment | None = None


class AckBody(Body):
    """What became of one announcement."""

    announcement: Annotated[Text, Field(max_length=64)]
    state: Literal["played", "failed", "missed", "held"]
    at: Moment
    detail: Annotated[Text, Field(max_length=200)] | None = None


@router.post("/v1/pairings", status_code=201)
async def begin_pairing(body: PairingBody, parts: Parts) -> dict[str, Any]:
    """A code to show, and a handle to ask with."""
    pairing = await parts.pairings.begin(token_sha256=body.token_sha256, model=body.model)
    return {
        "code": pairing.code,
        "handle": pairing.handle,
        "expires_in": pairing.expires_in,
        "interval": pairing.interval,
    }


@router.get("/v1/pairings/{handle}")
async def ask_pairing(handle: str, parts: Parts) -> dict[str, Any]:
    """Whether somebody claimed the device meanwhile."""
    device_id = await parts.pairings.device_of(handle)
    return {"status": "pending"} if device_id is None else {"status": "claimed", "device": device_id}


@router.post("/v1/devices", status_code=201)
async def add_device(body: DeviceBody, session: CurrentSession, parts: Parts) -> dict[str, Any]:
    """Claim a device by its code; or, with `browser`, make this browser one and get its token."""
    if body.browser:
        name = body.name or "Browser"
        device, token = await parts.devices.add_browser(session.user_id, name, session.id)
        return {**_device(device, parts.clock.now()), "token": token}
    if body.code is None:
        raise BadRequest("invalid_request", "Send the code that the device shows.")
    claimed = await parts.pairings.claim(session.user_id, body.code, body.name)
    return _device(claimed, parts.clock.now())


@router.get("/v1/devices")
async def all_devices(session: CurrentSession, parts: Parts) -> dict[str, Any]:
    """Your devices."""
    now = parts.clock.now()
    return {"devices": [_device(one, now) for one in await parts.devices.of_user(session.user_id)]}


@router.patch("/v1/devices/{device_id}")
async def change_device(
    device_id: PathId, body: DeviceChange, session: CurrentSession, parts: Parts
) -> dict[str, Any]:
    """Name, loudness, mute."""
    changes = body.model_dump(exclude_unset=True)
    if changes.get("name", "") is None or changes.get("volume", 0) is None:
        raise BadRequest("invalid_request", "name and volume can be changed, not taken away.")
    if not changes:
        raise BadRequest("invalid_request", "Send name, volume or muted_until.")
    return _device(await parts.devices.adjust(session.user_id, device_id, **changes), parts.clock.now())


@router.delete("/v1/devices/{device_id}", status_code=204)
async def remove_device(device_id: PathId, session: CurrentSession, parts: Parts) -> None:
    """Unpair."""
    await parts.devices.remove(session.user_id, device_id)


@router.get("/v1/device/schedule")
async def schedule(request: Request, device: CurrentDevice, parts: Parts) -> Response:
    """The schedule document, or with `Accept: text/event-stream` the document at connect and each change.

    The stream's last event is `end`, when the device was removed or the session of a browser has ended.
    """
    if "text/event-stream" in request.headers.get("Accept", ""):
        events = _events(device, parts)
        # Before the answer begins, because after that it can't say 503 or 404 any more.
        first = await anext(events, None)
        if first is None:
            raise BadRequest("not_found", "This device was removed.")
        return StreamingResponse(_continued(first, events), media_type="text/event-stream")
    document = await parts.schedules.document(device.id)
    if document is None:
        raise BadRequest("not_found", "This device was removed.")
    etag = f'W/"{document["version"]}"'
    if etag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers={"ETag": etag})
    return JSONResponse(document, headers={"ETag": etag})


@router.post("/v1/device/heartbeat", status_code=204)
async def heartbeat(device: CurrentDevice, parts: Parts) -> None:
    """I am alive."""
    await parts.devices.heard_from(device)


@router.post("/v1/device/acks", status_code=204)
async def ack(body: AckBody, device: CurrentDevice, parts: Parts) -> None:
    """This one was played, or wasn't; saying it twice changes nothing."""
    async with parts.engine.begin() as connection:
        await acknowledge(connection, device.id, body.announcement, body.state, body.at, body.detail)


@router.get(PATH + "{name}")
@secret_address
async def sound(name: str, request: Request, parts: Parts) -> Response:
    """One sound; whoever knows the address may hear it, until it is over."""
    found = await parts.sounds.open(name)
    headers = {"Cache-Control": "private, max-age=3600, immutable", "ETag": f'"{found.sha256}"'}
    return ranged(found.wav, request.headers.get("Range"), "audio/wav", headers)


async def _events(device: Device, parts: Parts) -> AsyncIterator[str]:
    async for document in parts.schedules.follow(device):
        if document is None:
            yield ": still here\n\n"
        else:
            data = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
            yield f"event: schedule\nid: {document['version']}\ndata: {data}\n\n"
    yield "event: end\ndata: {}\n\n"


async def _continued(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for one in rest:
        yield one


def _device(device: Device, now: datetime) -> dict[str, Any]:
    seen = device.last_seen_at
    return {
        "id": device.id,
        "name": device.name,
        "model": device.model,
        "volume": device.volume,
        "muted_until": instant(device.muted_until) if device.muted_until else None,
        "last_seen_at": instant(seen) if seen else None,
        "online": seen is not None and now - seen < OFFLINE_AFTER,
    }
