"""RISC configuration and the management of streams.

Source: Cross-Account Protection page. Callers bring a JWT signed by their service account, as Google wants
it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from starlette.responses import Response

from google_sandbox.access import bearer
from google_sandbox.app import Endpoint
from google_sandbox.errors import ApiError
from google_sandbox.request import Call
from google_sandbox.responses import json_response
from google_sandbox.risc import events
from google_sandbox.risc.streams import EVENTS, PUSH, ServiceAccount, Stream

AUDIENCE = "https://risc.googleapis.com/google.identity.risc.v1beta.RiscManagementService"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
ROOT = "/v1beta"


def configuration(call: Call) -> Response:
    """Handle `/.well-known/risc-configuration`."""
    base = call.address("risc.googleapis.com")
    document = {
        "issuer": events.issuer(call.state),
        "jwks_uri": call.address("www.googleapis.com") + "/oauth2/v3/certs",
        "delivery_methods_supported": [PUSH],
        "configuration_endpoint": f"{base}{ROOT}/stream",
        "status_endpoint": f"{base}{ROOT}/stream/status",
        "verification_endpoint": f"{base}{ROOT}/stream:verify",
    }
    return json_response(document)


def _as_manager(handler: Callable[[Call, ServiceAccount], Response]) -> Callable[[Call], Response]:
    def guarded(call: Call) -> Response:
        return handler(call, _manager(call))

    return guarded


def _manager(call: Call) -> ServiceAccount:
    value = bearer(call) or ""
    try:
        claims = jwt.decode(value, _key_of(call, value), algorithms=["RS256"]).claims
    except (JoseError, ValueError, TypeError, KeyError, LookupError, AttributeError, RecursionError):
        raise _unauthenticated() from None
    now = call.state.now().timestamp()
    manager = call.state.streams.managers.get(str(claims.get("iss")))
    issued, expires = claims.get("iat"), claims.get("exp")
    fits = (
        isinstance(issued, int)
        and isinstance(expires, int)
        and issued - 300 <= now < expires <= issued + 3600
    )
    if manager is None or claims.get("sub") != manager.email or claims.get("aud") != AUDIENCE or not fits:
        raise _unauthenticated()
    return manager


def _key_of(call: Call, value: str) -> RSAKey:
    payload = value.split(".")[1]
    claimed = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return RSAKey.import_key(call.state.streams.managers[str(claimed["iss"])].public_key)


def _unauthenticated() -> ApiError:
    text = "Request had invalid authentication credentials."
    return ApiError(401, "authError", text, extra={"status": "UNAUTHENTICATED"})


def _failed(text: str, code: int = 400) -> ApiError:
    return ApiError(code, "badRequest" if code == 400 else "notFound", text)


def _stream(call: Call, manager: ServiceAccount) -> Stream:
    stream = call.state.streams.by_project.get(manager.project)
    if stream is None:
        raise _failed("The project has no event stream.", 404)
    return stream


def _stream_resource(stream: Stream) -> dict[str, Any]:
    delivery = {"delivery_method": PUSH, "url": stream.url}
    return {"delivery": delivery, "events_requested": stream.events}


def update(call: Call, manager: ServiceAccount) -> Response:
    """Handle `stream:update`."""
    body = call.json()
    delivery = body.get("delivery")
    wanted = body.get("events_requested")
    if not isinstance(delivery, dict) or delivery.get("delivery_method") not in (PUSH, "urn:ietf:rfc:8935"):
        raise _failed("The delivery method is not supported.")
    if not isinstance(wanted, list) or not wanted or not set(map(str, wanted)) <= set(EVENTS.values()):
        raise _failed("events_requested names an unknown event type.")
    try:
        parts = urlsplit(str(delivery.get("url")))
        secure = bool(parts.hostname) and (parts.scheme == "https" or parts.hostname in LOOPBACK)
    except ValueError:
        secure = False
    if not secure:
        raise ApiError(403, "forbidden", "The receiver endpoint must be an HTTPS URL.")
    known = call.state.streams.by_project.get(manager.project)
    stream = Stream(str(delivery["url"]), [str(uri) for uri in wanted], known.enabled if known else True)
    call.state.streams.by_project[manager.project] = stream
    return json_response(_stream_resource(stream))


def handle_get(call: Call, manager: ServiceAccount) -> Response:
    """Handle `stream`."""
    return json_response(_stream_resource(_stream(call, manager)))


def status(call: Call, manager: ServiceAccount) -> Response:
    """Handle `stream/status`."""
    return json_response({"status": "enabled" if _stream(call, manager).enabled else "disabled"})


def update_status(call: Call, manager: ServiceAccount) -> Response:
    """Handle `stream/status:update`."""
    wanted = call.json().get("status")
    if wanted not in ("enabled", "disabled"):
        raise _failed("status must be enabled or disabled.")
    _stream(call, manager).enabled = wanted == "enabled"
    return json_response({"status": wanted})


def verify(call: Call, manager: ServiceAccount) -> Response:
    """Handle `stream:verify`."""
    state = call.json().get("state", "")
    if not isinstance(state, str) or len(state) > 1000:
        raise _failed("state must be a text.")
    _stream(call, manager)
    events.send(call.state, manager.project, "verification", {"state": state})
    return json_response({})


ENDPOINTS = (
    Endpoint("risc.configuration", "GET", "/.well-known/risc-configuration", configuration),
    Endpoint("risc.stream.update", "POST", ROOT + "/stream:update", _as_manager(update)),
    Endpoint("risc.stream.get", "GET", ROOT + "/stream", _as_manager(handle_get)),
    Endpoint("risc.status.get", "GET", ROOT + "/stream/status", _as_manager(status)),
    Endpoint("risc.status.update", "POST", ROOT + "/stream/status:update", _as_manager(update_status)),
    Endpoint("risc.stream.verify", "POST", ROOT + "/stream:verify", _as_manager(verify)),
)
