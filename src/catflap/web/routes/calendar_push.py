"""Receiver of Google's push notifications about changed calendars: 204 if genuine, else 404."""

from typing import Any

from fastapi.responses import Response
from starlette.requests import HTTPConnection

from catflap.errors import BadRequest
from catflap.settings import PUSH_PATH
from catflap.web.authentication import ServicesDep
from catflap.web.problem_route import new_router
from catflap.web.schemas.problems import problems

router = new_router(tag="google")


def _header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    shape = {"type": "string", **schema}
    return {"in": "header", "name": name, "required": True, "description": description, "schema": shape}


_HEADERS = [
    _header("X-Goog-Channel-ID", "The id of the channel.", format="uuid"),
    _header("X-Goog-Channel-Token", "The secret that Catflap gave to Google for this channel."),
    _header("X-Goog-Resource-State", "What happened.", enum=["sync", "exists", "not_exists"]),
]


@router.post(
    PUSH_PATH,
    status_code=204,
    response_class=Response,
    operation_id="receiveCalendarNotification",
    summary="Receive a push notification about a calendar",
    response_description="Taken.",
    responses=problems("not_found"),
    openapi_extra={"parameters": _HEADERS},
)
async def receive(request: HTTPConnection, services: ServicesDep) -> Response:
    """Mark the calendar as changed; unknown, expired and forged notifications get the same 404."""
    # A connection and not a request: the body, which Google leaves empty, is never read.
    headers = request.headers
    is_genuine = await services.push_notifications.notify(
        headers.get("X-Goog-Channel-ID", ""),
        headers.get("X-Goog-Channel-Token", ""),
        headers.get("X-Goog-Resource-State", ""),
    )
    if not is_genuine:
        raise BadRequest("not_found", "There is no such channel.")
    return Response(status_code=204)
