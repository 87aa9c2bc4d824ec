"""The watch endpoints and `channels.stop` of Calendar v3.

Sources: Calendar push guide and calendar.v3 discovery document. Calendars of Google's own, such as those of
holidays, cannot be watched (observed).
"""

from __future__ import annotations

from starlette.responses import Response

from google_sandbox.access import needs
from google_sandbox.app import Endpoint
from google_sandbox.calendar import calendar_list_routes, event_routes
from google_sandbox.calendar.channels import Channel
from google_sandbox.errors import ApiError
from google_sandbox.request import Call
from google_sandbox.responses import json_response, no_content

GOOGLES_OWN = "@group.v.calendar.google.com"


def watch_events(call: Call) -> Response:
    """Handle `events.watch`."""
    calendar, _ = event_routes.calendar_of(call)
    if calendar.id.endswith(GOOGLES_OWN):
        message = "Push notifications are not supported by this resource."
        raise ApiError(400, "pushNotSupportedForRequestedResource", message)
    uri = f"{call.base_url}/calendar/v3/calendars/{call.path['calendarId']}/events?alt=json"
    return open_channel(call, f"events:{calendar.id}", uri)


def watch_list(call: Call) -> Response:
    """Handle `calendarList.watch`."""
    assert call.account is not None
    uri = f"{call.base_url}/calendar/v3/users/me/calendarList?alt=json"
    return open_channel(call, f"list:{call.account.sub}", uri)


def open_channel(call: Call, resource: str, uri: str) -> Response:
    """Open a push channel on a resource and return it as the watch methods do."""
    assert call.account is not None and call.token is not None
    channels = call.state.channels
    return json_response(
        channel_resource(channels.open(call.json(), resource, uri, call.account.sub, call.token.client_id))
    )


def channel_resource(channel: Channel) -> dict[str, str]:
    """Return a channel as the watch response shows it."""
    return {
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id,
        "resourceUri": channel.resource_uri,
        **({"token": channel.token} if channel.token else {}),
        "expiration": str(int(channel.expires_at.timestamp() * 1000)),
    }


def stop(call: Call) -> Response:
    """Handle `channels.stop`."""
    assert call.account is not None and call.token is not None
    body = call.json()
    call.state.channels.stop(body.get("id"), body.get("resourceId"), call.account.sub, call.token.client_id)
    return no_content()


ENDPOINTS = (
    Endpoint(
        "calendar.events.watch",
        "POST",
        event_routes.EVENTS + "/watch",
        needs(event_routes.READ, watch_events),
    ),
    Endpoint(
        "calendar.calendarList.watch",
        "POST",
        calendar_list_routes.LIST + "/watch",
        needs(calendar_list_routes.READ, watch_list),
    ),
    Endpoint(
        "calendar.channels.stop",
        "POST",
        "/calendar/v3/channels/stop",
        needs(event_routes.READ | calendar_list_routes.READ, stop),
    ),
)
