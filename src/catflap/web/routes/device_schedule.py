"""The schedule of a device over HTTP: as a document, and as a stream of Server-Sent Events."""

from typing import Annotated, Any

from fastapi import Header
from fastapi.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from catflap.devices.devices import Device
from catflap.devices.schedule_streams import ScheduleStreams, document_event, retry_field
from catflap.errors import BadRequest
from catflap.web.authentication import CurrentDevice, ServicesDep
from catflap.web.problem_route import new_router
from catflap.web.schemas.devices import ScheduleDocument
from catflap.web.schemas.problems import DEVICE, problems

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
        **problems(*DEVICE, "not_found", "rate_limited"),
    },
)
async def schedule(
    device: CurrentDevice,
    services: ServicesDep,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
    if_none_match: Annotated[str, Header(description="The ETag of the document that the device has.")] = "",
) -> Response:
    """Return the document, or with `Accept: text/event-stream` a stream of `schedule` events with documents.

    The stream's last event is `end`, when the device was removed or has another token, or the session of a
    browser has ended. A device has eight streams; another one ends the oldest, without that event.
    """
    await services.presence.record_request(device)
    document = await services.schedules.document(device.id)
    if document is None:
        raise BadRequest("not_found", "This device was removed.")
    if "text/event-stream" in accept:
        services.schedule_streams.check_room(device.id)
        return _StreamResponse(services.schedule_streams, device, document)
    etag = f'W/"{document["version"]}"'
    if etag in if_none_match:
        return Response(status_code=304, headers={"ETag": etag})
    return JSONResponse(document, headers={"ETag": etag})


class _StreamResponse(Response):
    """The stream of a device's documents, which `ScheduleStreams` sends; this only waits for its end.

    Starlette's `StreamingResponse` would take two more tasks for each of thousands of streams.

    Args:
        streams: Sends what is newer than `document`.
        device: The device.
        document: Sent first.
    """

    media_type = "text/event-stream"

    def __init__(self, streams: ScheduleStreams, device: Device, document: dict[str, Any]) -> None:
        self.status_code = 200
        self.background = None
        # Without X-Accel-Buffering nginx would hold events back.
        self.init_headers({"X-Accel-Buffering": "no"})
        self._streams = streams
        self._device_id, self._token_hash = device.id, device.token_hash
        self._version = document["version"]
        self._first = retry_field(device.id) + document_event(document)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send documents until the client disconnects, or the last event was sent."""

        async def send_body(data: bytes, is_last: bool) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": not is_last})

        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        first, self._first = self._first, b""
        await send_body(first, False)
        del first
        with self._streams.following(self._device_id, self._token_hash, self._version, send_body):
            while (await receive())["type"] != "http.disconnect":
                pass
