"""The ASGI application: routing, fault injection and the request log.

Routes are matched on the raw path, so that an encoded slash stays inside its segment. Handlers are plain
functions over in-memory state: the only thing awaited is the socket.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from google_sandbox.caller import identify_caller
from google_sandbox.errors import ApiError, OAuthError
from google_sandbox.faults import GARBAGE, Fault
from google_sandbox.http_server import DROP
from google_sandbox.request import Call
from google_sandbox.state import SandboxState

Handler = Callable[[Call], Response]
BODY_LIMIT = 64 * 1024 * 1024
PAGES = frozenset({"oauth.authorize", "oauth.choose", "oauth.consent", "oauth.device", "gsi.select"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A named handler at a path such as `/calendar/v3/calendars/{calendarId}`."""

    name: str
    method: str
    path: str
    handler: Handler


class Routes:
    """Routing table: exact paths in a dictionary, patterns in a list."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self.endpoints = tuple(endpoints)
        self._exact: dict[str, dict[str, Endpoint]] = {}
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, Endpoint]]] = {}
        for endpoint in sorted(self.endpoints, key=_literal_first):
            if "{" in endpoint.path:
                _, methods = self._patterns.setdefault(endpoint.path, (_pattern(endpoint.path), {}))
            else:
                methods = self._exact.setdefault(endpoint.path, {})
            methods[endpoint.method] = endpoint

    def find(self, call: Call, raw_path: str) -> Endpoint:
        """Return the endpoint for a request, and set its path parameters.

        Raises:
            ApiError: 404 for an unknown path, 405 for a known one with another method.
        """
        wanted = "GET" if call.method == "HEAD" else call.method
        allowed: set[str] = set()
        for methods, parameters in self._matching(raw_path):
            if endpoint := methods.get(wanted):
                call.path = parameters
                return endpoint
            allowed.update(methods)
        if not allowed:
            raise ApiError(404, "notFound", "Not Found")
        headers = {"allow": ", ".join(sorted(allowed))}
        raise ApiError(405, "httpMethodNotAllowed", "Method Not Allowed", headers=headers)

    def _matching(self, raw_path: str) -> Iterator[tuple[dict[str, Endpoint], dict[str, str]]]:
        """Yield the endpoints with this path by their methods, and its parameters; literal paths first.

        There can be several: `events/import` is a method of Google's for POST, and an event for the others.
        """
        if raw_path in self._exact:
            yield self._exact[raw_path], {}
        for pattern, methods in self._patterns.values():
            if match := pattern.fullmatch(raw_path):
                yield methods, {name: unquote(value) for name, value in match.groupdict().items()}


def _literal_first(endpoint: Endpoint) -> list[bool]:
    return [segment.startswith("{") for segment in endpoint.path.split("/")]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))


class App:
    """The ASGI entry point."""

    def __init__(self, state: SandboxState, endpoints: Iterable[Endpoint]) -> None:
        self._state = state
        self.routes = Routes(endpoints)
        self._leaving = False
        self._delayed: set[asyncio.Future[None]] = set()

    def open(self) -> None:
        """Enable the latency of fault rules, after `leave` too."""
        self._leaving = False

    def leave(self) -> None:
        """End the latency that fault rules cause, now and from now on, because the server shuts down."""
        self._leaving = True
        for delay in self._delayed:
            if not delay.done():
                delay.set_result(None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an ASGI connection."""
        if scope["type"] != "http":
            return await _other(scope, receive, send)
        request = Request(scope, receive)
        try:
            body = await _read(request)
        except ClientDisconnect:
            return None
        call = Call(self._state, request, body or b"")
        if body is None:
            response = ApiError(413, "uploadTooLarge", "Request Entity Too Large").response()
            return await response(scope, receive, send)
        endpoint, fault = self._prepare(call)
        if fault and fault.latency:
            await self._delay(fault.latency)
        if fault and fault.drop == "before":
            self._write(call, 0)
            return await _cut(scope, receive, send)
        response = self._perform(call, endpoint, fault)
        if fault and fault.drop == "after":
            self._write(call, 0)
            return await _cut(scope, receive, send)
        self._write(call, response.status_code)
        if call.header("origin"):
            _allow_origin(call, response)
        await response(scope, receive, send)
        return None

    async def _delay(self, seconds: float) -> None:
        if self._leaving:
            return
        delay: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._delayed.add(delay)
        try:
            await asyncio.wait([delay], timeout=seconds)
        finally:
            self._delayed.discard(delay)

    def answer(self, call: Call) -> Response:
        """Return the response for a part of a batch, which is logged by itself and never delayed or cut."""
        endpoint, fault = self._prepare(call)
        response = self._perform(call, endpoint, fault)
        self._write(call, response.status_code)
        return response

    def _prepare(self, call: Call) -> tuple[Endpoint | ApiError, Fault | None]:
        raw_path = call.request.scope.get("raw_path") or call.request.scope["path"].encode("utf-8", "replace")
        try:
            endpoint = self.routes.find(call, raw_path.decode("latin-1"))
        except ApiError as error:
            return error, None
        call.endpoint = endpoint.name
        if endpoint.name.startswith("admin."):
            return endpoint, None
        identify_caller(call)
        return endpoint, self._state.faults.find(call.facts(), self._state.now())

    def _perform(self, call: Call, endpoint: Endpoint | ApiError, fault: Fault | None) -> Response:
        if isinstance(endpoint, ApiError):
            return _preflight(call) if call.method == "OPTIONS" else endpoint.response()
        if fault and (error_response := fault.error_response(call.endpoint)):
            return error_response
        try:
            response = endpoint.handler(call)
        except (ApiError, OAuthError) as error:
            response = error.response()
        if fault and fault.garbage:
            return Response(GARBAGE, 200, media_type="text/html; charset=UTF-8")
        return response

    def _write(self, call: Call, status: int) -> None:
        if not call.endpoint.startswith("admin."):
            self._state.request_log.write(call.facts(), status, self._state.now())


def _preflight(call: Call) -> Response:
    if not call.header("access-control-request-method"):
        return Response(b"", 204, {"allow": "GET, POST, PUT, PATCH, DELETE, OPTIONS"})
    headers = {
        "access-control-allow-methods": "GET, POST, PUT, PATCH, DELETE",
        "access-control-allow-headers": call.header("access-control-request-headers") or "authorization",
        "access-control-max-age": "3600",
    }
    return Response(b"", 204, headers)


def _allow_origin(call: Call, response: Response) -> None:
    if call.endpoint not in PAGES:
        response.headers["access-control-allow-origin"] = call.header("origin") or "*"
        response.headers["vary"] = "Origin, X-Origin"


async def _cut(scope: Scope, receive: Receive, send: Send) -> None:
    extension = scope.get("extensions", {}).get(DROP)
    if extension is None:
        raise ConnectionResetError("the sandbox cut this connection")
    extension["transport"].abort()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _read(request: Request) -> bytes | None:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= BODY_LIMIT:
            chunks.append(chunk)
    return b"".join(chunks) if size <= BODY_LIMIT else None


async def _other(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "websocket.close", "code": 1000})
