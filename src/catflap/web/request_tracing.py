"""A trace id in all log lines of a request, and its span, named by the template of its route."""

import re
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from catflap import tracing

# W3C Trace Context, section 3.2; an id of zeros is invalid.
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_STREAM = b"text/event-stream"


class RequestTracing:
    """ASGI middleware for an application that is all ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, within its span."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found = _traceparent(scope)
        parent = found.group() if found else None
        with tracing.request_span(scope["method"], parent) as span:
            trace_id = span.trace_id or (found[1] if found else secrets.token_hex(16))
            with bound_contextvars(trace_id=trace_id):
                await self._app(scope, receive, _noting(scope, send, span))


def _traceparent(scope: Scope) -> re.Match[str] | None:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            return _TRACEPARENT.fullmatch(value.decode("latin-1"))
    return None


def _noting(scope: Scope, send: Send, span: tracing.Span) -> Send:
    """Wrap `send` to give the span its route and status."""

    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            # The path itself may hold ids, and its query codes and states.
            route = getattr(scope.get("route"), "path", None)
            if route is not None:
                method = tracing.known_method(scope["method"])
                span.rename(f"{method} {route}", {"http.route": route})
            span.set_status(message["status"])
            if any(
                name == b"content-type" and value.startswith(_STREAM) for name, value in message["headers"]
            ):
                # It lasts for as long as somebody listens.
                span.end()
        await send(message)

    return noting
