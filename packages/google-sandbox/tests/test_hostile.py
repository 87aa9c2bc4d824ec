"""Hostile requests at every route: never a 500, never a hang."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from google_sandbox import Sandbox
from sandbox_support.clock import Clock
from sandbox_support.events import timed
from sandbox_support.person import CALENDARS, CALLBACK, CLIENT, SECRET, G, populate

pytestmark = pytest.mark.slow

WHO = "mia@example.com"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"]
NAMES = [
    *("syncToken", "pageToken", "timeMin", "timeMax", "maxResults", "fields", "orderBy", "q", "timeZone"),
    *("singleEvents", "showDeleted", "updatedMin", "iCalUID", "eventTypes", "maxAttendees", "alt", "spaces"),
    *("privateExtendedProperty", "uploadType", "upload_id", "pageSize", "access_token", "id_token", "token"),
    *(
        "client_id",
        "redirect_uri",
        "scope",
        "response_type",
        "prompt",
        "state",
        "code_challenge",
        "login_hint",
    ),
    *("grant_type", "code", "refresh_token", "client_secret", "code_verifier", "ticket", "email", "decision"),
    *(
        "text",
        "addParents",
        "corpora",
        "driveId",
        "colorRgbFormat",
        "space",
        "includeRemoved",
        "restrictToMyDrive",
    ),
    *("origin", "login_uri", "since", "status", "minAccessRole", "destination", "originalStart", "count"),
    *("device_code", "user_code", "personFields", "sources", "requestMask.includeField", "version"),
]
KEYS = [
    *("start", "end", "date", "dateTime", "timeZone", "recurrence", "id", "status", "attendees", "reminders"),
    *("overrides", "useDefault", "summary", "extendedProperties", "iCalUID", "items", "timeMin", "timeMax"),
    *("parents", "name", "delivery", "events_requested", "email", "count", "scopes", "seconds", "to", "what"),
    *("address", "type", "params", "ttl", "expiration", "token", "event", "latency", "endpoint", "sequence"),
    *(
        "scope",
        "role",
        "value",
        "visibility",
        "properties",
        "appProperties",
        "trashed",
        "mimeType",
        "colorId",
    ),
    *("modifiedTime", "backgroundColor", "timezone", "description", "recurringEventId", "originalStartTime"),
    *("summaryOverride", "defaultReminders", "client_id", "minutes", "method", "eventType", "organizer"),
]
VALUES = st.one_of(
    st.sampled_from(
        [
            *(
                "",
                "true",
                "0",
                "-1",
                "9" * 30,
                "1e999",
                "NaN",
                "null",
                "\x00",
                "é",
                "\U0001f431",
                "../..",
                "%00",
            ),
            *("2026-11-24T10:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "2026-02-30"),
            *("0001-01-01", "9999-12-31", "items(id", "a/b/c/*", "(((((", "RRULE:FREQ=DAILY;COUNT=999999999"),
            *("RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "RRULE:FREQ=YEARLY;BYDAY=60MO", "RRULE:FREQ=DAILY"),
            *("RRULE:FREQ=WEEKLY;INTERVAL=99999999999", "RRULE:", "EXDATE:garbage", "RDATE:20261124"),
            *("openid", CALENDARS, WHO, "primary", CLIENT, SECRET, CALLBACK, "code", "authorization_code"),
            *(
                "refresh_token",
                "4/0Ax",
                "1//0x",
                "none",
                "consent",
                "W10=",
                "bnVsbA==",
                "storagerelay://[",
                "http://[",
            ),
            *(
                "name = 'x' or not (trashed = true)",
                "'root' in parents",
                "properties has {",
                "tea at 3 on 31/31",
            ),
            *("root", "appDataFolder", "appfolder", "user:leo@example.com", "default", "owner", "private"),
            *(
                "UTC",
                "../etc/passwd",
                "Europe",
                "access",
                "sync",
                "channels",
                "cancelled",
                "media",
                "resumable",
            ),
        ]
    ),
    st.text(max_size=40),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), VALUES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text(max_size=8)), inner),
    ),
    max_leaves=20,
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("if-match", "if-none-match", "range", "content-range", "cookie", "accept-language", "origin"),
            *("access-control-request-method", "authorization", "user-agent", "x-upload-content-type"),
        ]
    ),
    st.sampled_from(
        [
            *(
                "*",
                '"1"',
                "bytes=5-1",
                "bytes=0-",
                "bytes 0-9/5",
                "bytes */*",
                "Basic ====",
                "Basic eDp5",
                "Bearer",
            ),
            *("Bearer a.b.c", "sandbox_account=1", "ja", "\xe9", "https://x", "text/plain\x7f"),
        ]
    ),
    max_size=3,
)
TYPES = [
    *(
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=b",
        "text/calendar",
    ),
    *("multipart/related; boundary=b", "multipart/related", "application/json; charset=utf-16", "\xe9", ""),
]


def body_of(value: Any, pairs: list[tuple[str, str]], kind: str, raw: bytes) -> bytes:
    if "json" in kind:
        return json.dumps(value).encode()
    if "form" in kind:
        return urlencode(pairs, errors="replace").encode()
    if "multipart" in kind:
        part = json.dumps(value).encode("utf-8", "replace")
        return (
            b"--b\r\nContent-Type: application/http\r\n\r\nGET /"
            + raw
            + b"\r\n--b\r\n\r\n"
            + part
            + b"\r\n--b--"
        )
    return raw


def populated() -> tuple[Sandbox, str, dict[str, str]]:
    sandbox = Sandbox(clock=Clock(), seed=7)
    populate(sandbox)
    scopes = ["openid", "email", CALENDARS, G + "drive.appdata", G + "drive"]
    token = sandbox.grant(WHO, CLIENT, scopes)["access_token"]
    event = sandbox.insert_event(WHO, timed(id="abcde", recurrence=["RRULE:FREQ=DAILY"]))
    known = {
        "calendarId": "primary",
        "eventId": event["id"],
        "email": WHO,
        "api": "calendar",
        "version": "v3",
        "ruleId": f"user:{WHO}",
        "fileId": "appDataFolder",
        "setting": "timezone",
        "peopleId": "me",
    }
    return sandbox, token, known


PATHS = sorted({endpoint.path for endpoint in populated()[0].app.routes.endpoints})


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_no_request_ends_in_a_500_or_a_hang(path: str, data: st.DataObject) -> None:
    sandbox, token, known = populated()
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        value = data.draw(st.one_of(st.just(known.get(name, "x")), VALUES), name)
        path = path.replace(f"{{{name}}}", quote(value or "x", safe="", errors="replace"))
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6), "pairs")
    kind = data.draw(st.sampled_from(TYPES), "type")
    raw = data.draw(st.binary(max_size=60), "raw")
    content = body_of(data.draw(JSON, "json"), pairs, kind, raw)
    headers = {"authorization": f"Bearer {token}", "content-type": kind, **data.draw(HEADERS, "headers")}
    request = httpx2.Request(
        data.draw(st.sampled_from(METHODS), "method"),
        httpx2.URL("http://sandbox.test" + path, query=urlencode(pairs, errors="replace").encode()),
        headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        content=content,
    )
    answer = asyncio.run(asyncio.wait_for(send(sandbox, request), 20))
    assert answer.status_code < 500, answer.text


async def send(sandbox: Sandbox, request: httpx2.Request) -> httpx2.Response:
    response = await httpx2.ASGITransport(sandbox.app).handle_async_request(request)
    await response.aread()
    return response


@pytest.mark.parametrize(
    "wire",
    [
        b"GET /calendar/v3/calendars/%ff%fe/events HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /calendar/v3/calendars/\xff/events HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET //////calendar HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /token? HTTP/1.1\r\nHost: x\r\nAuthorization: \xff\xfe\r\n\r\n",
        b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\xff\xfe\xfd",
        b"POST /token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\nHost: x\r\n\r\n",
    ],
    ids=str,
)
async def test_odd_bytes_on_the_wire_get_an_answer(base: str, wire: bytes) -> None:
    host, port = base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(wire)
    status = int((await asyncio.wait_for(reader.readline(), 20)).split()[1])
    assert 200 <= status < 500
    writer.close()
    await writer.wait_closed()
