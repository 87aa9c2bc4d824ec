"""The schedule of a device over HTTP: as a document, and as a stream of Server-Sent Events."""

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Header
from fastapi.responses import JSONResponse, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event

from catflap.devices.devices import Device
from catflap.errors import BadRequest
from catflap.web.authentication import CurrentDevice, ServicesDep
from catflap.web.problem_route import new_router
from catflap.web.schemas.devices import ScheduleDocument
from catflap.web.schemas.problems import DEVICE, problems
from catflap.web.services import Services

router = new_router(tag="devices")
_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "For If-None-Match."}}


@router.get(
    "/v1/device/schedule",
    operation_id="getSchedule",
    summary="What the device says in the coming day",
    response_model=ScheduleDocument,
    response_description="The document; as Server-Sent Events at once and at each change.",
    responses={
        200: {
            "headers": _ETAG,
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        304: {"description": "The document has not changed.", "headers": _ETAG},
        **problems(*DEVICE, "not_found"),
    },
)
async def schedule(
    device: CurrentDevice,
    services: ServicesDep,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    if_none_match: Annotated[str, Header(description="The ETag of the document that the device has.")] = "",
) -> Response:
    """Return the document, or with `Accept: text/event-stream` a stream of `schedule` events with documents.

    The stream's last event is `end`, when the device was removed or the session of a browser has ended.
    """
    await services.presence.record_request(device)
    if "text/event-stream" in accept:
        events = _events(device, services)
        # Before the answer begins, because after that it can't say 503 or 404 any more.
        first = await anext(events, None)
        if first is None:
            raise BadRequest("not_found", "This device was removed.")
        # Without this header nginx would hold events back.
        return EventSourceResponse(_continued(first, events), headers={"X-Accel-Buffering": "no"})
    document = await services.schedules.document(device.id)
    if document is None:
        raise BadRequest("not_found", "This device was removed.")
    etag = f'W/"{document["version"]}"'
    if etag in if_none_match:
        return Response(status_code=304, headers={"ETag": etag})
    return JSONResponse(document, headers={"ETag": etag})


async def _events(device: Device, services: Services) -> AsyncIterator[bytes]:
    async for document in services.schedules.follow(device):
        if document is None:
            yield KEEPALIVE_COMMENT
        else:
            data = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
            yield format_sse_event(event="schedule", id=str(document["version"]), data_str=data)
    yield format_sse_event(event="end", data_str="{}")


async def _continued(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for one in rest:
        yield one
