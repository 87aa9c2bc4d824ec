"""Database outage: each route answers 503 or works without it, and all recover by themselves."""

import asyncio
import contextlib
import hashlib
import json
import secrets
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from catflap.clock import FixedClock
from catflap.store.migrate import create_database, migrate
from tests.support.app_client import DESKTOP, Browser, RunningApp, running_app
from tests.support.desktop import minted
from tests.support.events import event
from tests.support.own_postgres import OwnPostgres, own_postgres

pytestmark = pytest.mark.slow


@dataclass
class Away:
    """A Catflap on a PostgreSQL that a test may stop, and somebody of each kind who asks."""

    app: RunningApp
    server: OwnPostgres
    browser: Browser
    bearer: dict[str, str]
    key: dict[str, str]
    device: dict[str, str]
    user_id: int

    async def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        await asyncio.to_thread(self.server.stop, how)

    async def start(self) -> None:
        await asyncio.to_thread(self.server.start)


@pytest.fixture
async def away(clock: FixedClock, tmp_path: Path) -> AsyncIterator[Away]:
    with own_postgres() as server:
        await create_database(server.urls)
        await migrate(server.urls)
        async with running_app(server.urls, clock, tmp_path, **DESKTOP) as app:
            browser = await app.browser()
            await browser.sign_in()
            me = await browser.me()
            token = secrets.token_urlsafe(32)
            hashed = hashlib.sha256(token.encode()).hexdigest()
            body = {"token_sha256": hashed, "model": "test"}
            code = (await app.client.post("/v1/pairings", json=body)).json()["code"]
            assert (await browser.send("POST", "/v1/devices", json={"code": code})).status_code == 201
            yield Away(
                app,
                server,
                browser,
                bearer=await app.bearer_of(me["user_id"]),
                key=await app.api_key("tokens", "proxy", "users", "events", "announce", "keys", "metrics"),
                device={"Authorization": f"Bearer {token}"},
                user_id=me["user_id"],
            )


def calls(away: Away) -> list[tuple[str, str, dict[str, str], Any]]:
    """One call of each route that needs the database, by somebody who may make it."""
    user, page = f"/v1/users/{away.user_id}", away.app.page_headers()
    bearer, key, device = away.bearer, away.key, away.device
    native = {"code": away.app.native_code(), "client": "native"}
    return [
        ("GET", "/readyz", {}, None),
        ("GET", "/signin/google?scopes=calendar", {}, None),
        ("GET", "/signin/google/popup", {}, None),
        ("GET", "/signin/google/callback?state=x&code=y", {}, None),
        ("POST", "/signin/google/code", {}, native),
        ("POST", "/signin/google/desktop", {}, minted(away.app)),
        ("POST", "/signin/handover", {}, None),
        ("POST", "/signout", bearer, None),
        ("POST", "/app/google-calendar/tokens", bearer, {"userId": away.user_id, "authCode": "4/0Ax"}),
        ("GET", "/consents/x", {}, None),
        ("GET", "/v1/me", bearer, None),
        ("DELETE", "/v1/me", bearer, None),
        ("GET", "/v1/me/export", bearer, None),
        ("PUT", "/v1/me/introduction", bearer, None),
        ("GET", "/v1/grants", bearer, None),
        ("DELETE", "/v1/grants/1", bearer, None),
        ("GET", "/v1/sessions", bearer, None),
        ("DELETE", "/v1/sessions/1", bearer, None),
        ("GET", "/v1/preferences", bearer, None),
        ("GET", "/v1/mute", bearer, None),
        ("PUT", "/v1/mute", bearer, {"for": "tomorrow"}),
        ("DELETE", "/v1/mute", bearer, None),
        ("GET", "/v1/readings", bearer, None),
        ("PUT", "/v1/readings", bearer, {"readings": [{"word": "SRE", "reading": "es are ee"}]}),
        ("PATCH", "/v1/readings", bearer, {"readings": [{"word": "SRE", "reading": None}]}),
        ("POST", "/v1/say", bearer, {"text": "Dinner is ready!"}),
        ("GET", "/v1/voices", bearer, None),
        ("POST", "/v1/voices/sample", bearer, {"dialect": "kansai"}),
        ("POST", f"{user}/announcements", key, {"text": "Dinner is ready!"}),
        ("POST", "/v1/announcements/preview", bearer, {}),
        ("POST", "/v1/announcements/x/acknowledge", bearer, None),
        ("POST", "/v1/announcements/x/snooze", bearer, {"minutes": 5}),
        ("POST", "/v1/announcements/x/repeat", bearer, None),
        ("POST", "/v1/device/actions", device, {"action": "snooze"}),
        ("POST", "/v1/device/actions", device, {"action": "mute"}),
        ("GET", "/v1/calendars", bearer, None),
        ("GET", "/v1/appointments", bearer, None),
        ("GET", "/v1/announcements", bearer, None),
        ("POST", "/v1/calendars/primary/events", bearer, event()),
        ("DELETE", "/v1/calendars/17/events/abcde", bearer, None),
        ("PATCH", f"{user}/calendars/primary/events/abcde", key, {"title": "Dentist"}),
        ("GET", "/v1/devices", bearer, None),
        ("GET", "/v1/plays", bearer, None),
        ("PATCH", "/v1/devices/1", bearer, {"volume": 5}),
        ("POST", "/v1/devices/1/invitations", bearer, None),
        ("DELETE", "/v1/devices/1/invitations", bearer, None),
        ("POST", "/v1/invitations/accept", bearer, {"code": "x"}),
        ("GET", "/v1/devices/1/members", bearer, None),
        ("PATCH", "/v1/devices/1/members/me", bearer, {"says_titles": True}),
        ("DELETE", "/v1/devices/1/members/1", bearer, None),
        ("POST", "/v1/pairings", {}, {"token_sha256": "0" * 64, "model": "x"}),
        ("POST", "/v1/pairings/preview", bearer, {"code": "WDJB-MJHT"}),
        ("POST", "/v1/devices", bearer, {"code": "WDJB-MJHT"}),
        ("GET", "/v1/pairings/x", {}, None),
        ("GET", "/v1/device/schedule", device, None),
        ("GET", "/v1/device/schedule", {**device, "Accept": "text/event-stream"}, None),
        ("POST", "/v1/device/heartbeat", device, None),
        ("GET", "/v1/device/mqtt", device, None),
        ("POST", "/v1/device/token", device, {"token_sha256": "0" * 64}),
        ("GET", "/v1/speakers", bearer, None),
        ("POST", "/v1/speakers", bearer, {"entity": "media_player.kitchen"}),
        ("PUT", "/v1/speakers/1", bearer, {"rest_entity": None, "volume": None}),
        ("GET", f"{user}/google/token", key, None),
        ("GET", f"{user}/google/www.googleapis.com/calendar/v3/calendars/primary/events", key, None),
        ("POST", f"{user}/consents", key, {"scopes": "calendar", "return_to": "https://a.example/"}),
        ("POST", "/v1/users", key, {}),
        ("POST", f"{user}/sessions", key, None),
        ("GET", "/v1/keys", key, None),
        ("GET", "/metrics", key, None),
        ("GET", "/v1/operator/numbers", bearer, None),
        ("POST", "/google/calendar/push", {"X-Goog-Channel-ID": str(UUID(int=1))}, None),
        ("POST", "/storeauthcode", page, away.app.popup_code().encode()),
    ]


async def ask(away: Away, method: str, path: str, headers: dict[str, str], body: Any) -> httpx2.Response:
    how: dict[str, Any] = {"json": body}
    if isinstance(body, bytes):
        how = {"content": body}
        headers = {**headers, "Content-Type": "application/octet-stream"}
    return await away.app.client.request(method, path, headers=headers, **how)


async def test_every_route_that_needs_the_database_answers_503_and_comes_back(away: Away) -> None:
    await away.stop()
    assert (await away.app.client.get("/healthz")).status_code == 200
    for call in calls(away):
        answer = await ask(away, *call)
        assert answer.status_code == 503, (call, answer.text)
        assert int(answer.headers["Retry-After"]) >= 1
        if call[1] == "/app/google-calendar/tokens":
            assert set(answer.json()) == {"error"}
        elif call[1] != "/storeauthcode":
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["code"] == "database_unavailable"
    await away.start()
    for method, path, headers, _ in calls(away):
        if method == "GET" and "stream" not in headers.get("Accept", ""):
            answer = await away.app.client.get(path, headers=headers)
            assert answer.status_code < 500, (path, answer.text)
    assert (await away.app.client.get("/readyz")).json() == {"status": "ready"}


async def test_a_page_in_a_session_is_503_too(away: Away) -> None:
    await away.stop()
    for path in ("/", "/v1/me", "/signin/google"):
        answer = await away.browser.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    await away.start()
    assert (await away.browser.get("/")).status_code == 200


async def test_a_sign_in_that_came_back_too_soon_is_completed_afterwards(away: Away) -> None:
    browser = await away.app.browser()
    begun = await browser.begin()
    back = await browser.at_google(begun.headers["Location"])
    await away.stop()
    assert (await browser.get(back)).status_code == 503
    await away.start()
    assert (await browser.get(back)).status_code == 303
    assert (await browser.me())["user_id"] == away.user_id


async def test_an_open_stream_outlives_the_database(away: Away) -> None:
    documents: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def follow() -> None:
        headers = {**away.device, "Accept": "text/event-stream"}
        url = "/v1/device/schedule"
        async with away.app.client.stream("GET", url, headers=headers, timeout=None) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    documents.put_nowait(json.loads(line.removeprefix("data: ")))

    following = asyncio.create_task(follow())
    first = await asyncio.wait_for(documents.get(), 30)
    await away.stop()
    await away.start()
    changed = await away.browser.send("PATCH", "/v1/devices/1", json={"volume": 7})
    assert changed.status_code == 200, changed.text
    second = await asyncio.wait_for(documents.get(), 30)
    assert (first["volume"], second["volume"]) == (60, 7)
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
