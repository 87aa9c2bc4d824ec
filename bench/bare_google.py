"""A Google that costs nearly nothing, so that a measure with two cores measures Catflap and not the sandbox.

`python -m bench.bare_google EVENTS` answers on a free port, which it prints, what a sync of the users of
`tests.support.many_users` asks: discovery, refreshes, calendar lists, events, channels. With `changing` as a
second argument, each incremental list of events has one event that was moved. It checks nothing, and is no
example of anything.
"""

import asyncio
import json
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import uvloop

PAGE = 2500
_SCOPES = "openid email profile https://www.googleapis.com/auth/calendar.calendarlist.readonly"
_SCOPES += " https://www.googleapis.com/auth/calendar.events.readonly"


class BareGoogle:
    """The answers. A user is known by the access token `access-USER`.

    Args:
        events: The number of events of a calendar that is read in full.
    """

    def __init__(self, events: int, is_changing: bool) -> None:
        self.url = ""
        self._is_changing = is_changing
        self.events = events
        self.requests: dict[str, int] = defaultdict(int)
        self._versions: dict[int, int] = defaultdict(int)
        self._start = datetime.now(UTC).replace(second=0, microsecond=0)

    def answer(self, method: str, target: str, headers: bytes, body: bytes) -> Any:
        """Return the JSON of a response."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        name = parts.path.rpartition("/")[2]
        self.requests[f"{method} {name}"] += 1
        if name == "token":
            owner = parse_qs(body.decode())["refresh_token"][0].partition("-")[2]
            token = {"access_token": f"access-{owner}", "token_type": "Bearer", "expires_in": 3599}
            return token | {"scope": _SCOPES}
        if name == "openid-configuration":
            ends = ("authorization", "token", "revocation", "userinfo")
            return {f"{end}_endpoint": f"{self.url}/{end}" for end in ends} | {
                "issuer": "https://accounts.google.com",
                "jwks_uri": f"{self.url}/certs",
            }
        if name == "requests":
            return dict(self.requests)
        if method == "POST":
            asked = json.loads(body or b"{}")
            return {"kind": "api#channel", "id": asked.get("id"), "resourceId": "r"} | {
                "expiration": str(int((datetime.now(UTC) + timedelta(days=7)).timestamp() * 1000))
            }
        user = int(headers.partition(b"access-")[2].partition(b"\r\n")[0] or 0)
        return _calendar_list(user, query) if name == "calendarList" else self._events(user, query)

    def _events(self, user: int, query: dict[str, str]) -> dict[str, Any]:
        version = self._versions[user]
        page = {"kind": "calendar#events"}
        if "syncToken" not in query:
            first = int(query.get("pageToken", 0))
            last = min(first + PAGE, self.events)
            following = (
                {"nextPageToken": str(last)} if last < self.events else {"nextSyncToken": f"v{version}"}
            )
            return {
                **page,
                "items": [self._event(user, number) for number in range(first, last)],
                **following,
            }
        self._versions[user] = version = version + self._is_changing
        changed = [self._event(user, 1, moved=version)] if self._is_changing else []
        return {**page, "items": changed, "nextSyncToken": f"v{version}"}

    def _event(self, user: int, number: int, moved: int = 0) -> dict[str, Any]:
        start = self._start + timedelta(hours=1 + number % 600, minutes=moved % 59)
        times = {"start": start, "end": start + timedelta(minutes=30)}
        moments = {name: {"dateTime": at.isoformat(), "timeZone": "UTC"} for name, at in times.items()}
        identity = {"id": f"event{number}", "iCalUID": f"event{number}@google.com", "status": "confirmed"}
        return {
            **identity,
            "summary": f"Meeting {number} of {user}",
            **moments,
            "updated": self._start.isoformat(),
        }


def _calendar_list(user: int, query: dict[str, str]) -> dict[str, Any]:
    items = [
        {
            "id": f"user{user}@example.com",
            "summary": f"User {user}",
            "timeZone": "Europe/Berlin",
            "primary": True,
            "selected": True,
            "accessRole": "owner",
            "defaultReminders": [{"method": "popup", "minutes": 10}],
        },
        {
            "id": "holidays@group.v.calendar.google.com",
            "summary": "Holidays",
            "timeZone": "Europe/Berlin",
            "accessRole": "reader",
            "defaultReminders": [{"method": "popup", "minutes": 10}],
        },
    ]
    return {
        "kind": "calendar#calendarList",
        "nextSyncToken": "v1",
        "items": [] if "syncToken" in query else items,
    }


class _Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, for requests whose body has a Content-Length."""

    def __init__(self, google: BareGoogle) -> None:
        self._google = google
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not an `asyncio.Transport` for uvloop, though it has all of it.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._next()) is not None:
            content = self._google.answer(*request)
            body = json.dumps(content).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            assert self._transport is not None
            self._transport.write(head.encode() + body)

    def _next(self) -> tuple[str, str, bytes, bytes] | None:
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return None
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if len(rest) < length:
            return None
        self._received = rest[length:]
        method, target, _ = head.split(b" ", 2)
        return method.decode(), target.decode(), head, rest[:length]


async def main(events: int, is_changing: bool) -> None:
    """Serve until the process is ended."""
    google = BareGoogle(events, is_changing)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(google), "127.0.0.1", 0)
    google.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(google.url, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2:] == ["changing"]))
