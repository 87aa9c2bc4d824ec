"""Faults of Google's API at random, over real connections: an ASGI application before a sandbox's own."""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from typing import Any, cast

from google_sandbox import Sandbox
from google_sandbox.app import App
from google_sandbox.http_server import DROP

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_EVENTS = re.compile(r"/calendar/v3/calendars/[^/]+/events(/watch)?")
_PATHS = {
    "/calendar/v3/users/me/calendarList": "list",
    "/calendar/v3/users/me/calendarList/watch": "watch",
    "/calendar/v3/channels/stop": "stop",
    "/calendar/v3/users/me/settings/timezone": "settings",
    "/token": "token",
}
_MAX_RESULTS = re.compile(rb"maxResults=\d+")
# Status, reason, domain; the pause is added to some of them.
_ERRORS = (
    (429, "rateLimitExceeded", "usageLimits"),
    (403, "rateLimitExceeded", "usageLimits"),
    (403, "userRateLimitExceeded", "usageLimits"),
    (500, "backendError", "global"),
    (503, "backendError", "global"),
    (401, "authError", "global"),
)
_EVERYWHERE = ("error", "error", "error", "html", "reset", "lost answer", "truncated", "garbage", "no list")
_GARBAGE = b'<!DOCTYPE html><title>Error</title>{"items": ['
_TIMEOUT_SHARE = 0.01


class FaultyGoogle:
    """Puts itself in front of a sandbox that is not served yet, and lets requests of Catflap's fail.

    Args:
        sandbox: The sandbox.
        chance: Decides about each request.
        page_size: The `maxResults` of all lists.

    Attributes:
        rate: The share of the requests that fail.
        counts: How often each fault happened.
        last: When one last happened to each account; with None for requests that name no account.
    """

    def __init__(self, sandbox: Sandbox, chance: Random, page_size: int = 3) -> None:
        self._sandbox = sandbox
        self._app = sandbox.app
        self._chance = chance
        self._page_size = page_size
        self.rate = 0.0
        self.counts: Counter[str] = Counter()
        self.last: dict[str | None, datetime] = {}
        sandbox.app = cast("App", self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a request, or not."""
        target = _target(scope)
        if target is not None:
            size = b"maxResults=%d" % self._page_size
            scope = {**scope, "query_string": _MAX_RESULTS.sub(size, scope["query_string"])}
        if target is None or self._chance.random() >= self.rate:
            await self._app(scope, receive, send)
            return
        fault = self._choose(target, scope["query_string"])
        self.counts[f"{target}: {fault}"] += 1
        self.last[self._account(scope)] = self._sandbox.now()
        await self._fail(fault, scope, receive, send)

    def _choose(self, target: str, query: bytes) -> str:
        if self._chance.random() < _TIMEOUT_SHARE:
            return "timeout"
        known = (*_EVERYWHERE, "expired") if b"syncToken=" in query else _EVERYWHERE
        return self._chance.choice(known)

    def _account(self, scope: Any) -> str | None:
        bearer = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        token = self._sandbox.state.grants.access_tokens.get(bearer)
        return self._sandbox.state.accounts[token.sub].email if token else None

    async def _fail(self, fault: str, scope: Any, receive: Receive, send: Send) -> None:
        if fault == "timeout":
            while (await receive())["type"] != "http.disconnect":
                pass
        elif fault == "reset":
            await _cut(scope, receive)
        elif fault in ("lost answer", "truncated"):
            answer = await _answer(self._app, scope, receive)
            if fault == "truncated":
                start, body = answer[0], b"".join(one.get("body", b"") for one in answer[1:])
                await send(start)
                await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await _cut(scope, receive)
        elif fault == "garbage":
            await _respond(send, 200, _GARBAGE)
        elif fault == "no list":
            await _respond(send, 200, b"{}")
        elif fault == "html":
            await _respond(send, self._chance.choice((500, 502, 503)), _GARBAGE)
        elif fault == "expired":
            await _respond(send, 410, _envelope(410, "fullSyncRequired", "calendar"))
        else:
            status, reason, domain = self._chance.choice(_ERRORS)
            pause = self._chance.choice((None, None, 2, 30, 120)) if status != 401 else None
            await _respond(send, status, _envelope(status, reason, domain), pause)


def _target(scope: Any) -> str | None:
    if scope["type"] != "http":
        return None
    path = scope["path"]
    if found := _EVENTS.fullmatch(path):
        return "watch" if found[1] else "events"
    return _PATHS.get(path)


def _envelope(status: int, reason: str, domain: str) -> bytes:
    error = {"errors": [{"domain": domain, "reason": reason, "message": reason}], "code": status}
    return json.dumps({"error": {**error, "message": reason}}).encode()


async def _respond(send: Send, status: int, body: bytes, retry_after: int | None = None) -> None:
    headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
    if retry_after is not None:
        headers.append((b"retry-after", str(retry_after).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _answer(app: App, scope: Any, receive: Receive) -> list[Message]:
    """Let the sandbox do what was asked, and return its answer instead of sending it."""
    answer: list[Message] = []

    async def keep(message: Message) -> None:
        answer.append(message)

    await app(scope, cast("Any", receive), cast("Any", keep))
    return answer


async def _cut(scope: Any, receive: Receive) -> None:
    scope["extensions"][DROP]["transport"].abort()
    while (await receive())["type"] != "http.disconnect":
        pass
