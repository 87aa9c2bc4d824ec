"""Google's push notifications over real sockets: genuine ones lead to a sync, all others to the same 404."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
from fastapi import FastAPI

from catflap.clock import FixedClock
from catflap.fastapi import Catflap
from catflap.settings import PUSH_PATH
from catflap.store.database import Urls
from catflap.store.task_types import AccountKey
from catflap.web.services import STATE_KEY
from tests.support.app_client import ALICE, Browser, RunningApp, raw, running_app
from tests.support.host import embedded

pytestmark = pytest.mark.slow

_T = TypeVar("_T")
UNKNOWN = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"


@dataclass
class Watched:
    """Alice's calendars, and the push channels that Google has for them."""

    app: RunningApp
    browser: Browser
    account: AccountKey

    async def maintain(self) -> None:
        """What a sync does at its end."""
        services = self.app.catflap.services

        async def call(request: Callable[[str], Awaitable[_T]], scope: str) -> _T:
            return await request((await services.vault.access_token(*self.account, prefer=[scope])).token)

        assert services.push_channels is not None
        await services.push_channels.maintain(self.account, call)

    def channel(self, part: str = "events") -> dict[str, str]:
        """The headers of a notification about the primary calendar, or about the list."""
        (found,) = (one for one in self.app.sandbox.channels() if part in one["resourceUri"])
        return {
            "X-Goog-Channel-ID": found["id"],
            "X-Goog-Channel-Token": found["token"],
            "X-Goog-Resource-State": "exists",
        }

    async def notify(self, **changed: str) -> httpx2.Response:
        headers = self.channel() | {f"X-Goog-{name.replace('_', '-')}": changed[name] for name in changed}
        return await self.app.client.post(PUSH_PATH, headers=headers)

    async def jobs(self) -> int:
        jobs = "SELECT count(*) FROM queue.pgqueuer WHERE entrypoint LIKE 'sync%'"
        return int((await self.app.rows(jobs))[0][0])

    async def notified(self) -> tuple[bool, bool]:
        """Whether the calendar, and whether the list is marked as changed."""
        calendar = "SELECT is_notified FROM app.calendars WHERE is_primary"
        of_list = "SELECT is_list_notified FROM app.calendar_syncs"
        return (await self.app.rows(calendar))[0][0], (await self.app.rows(of_list))[0][0]

    async def delivered(self, number: int) -> None:
        """Wait until Google has delivered so many messages."""
        async with asyncio.timeout(30):
            while sum(len(tries) for one in self.app.sandbox.channels() for tries in one["answers"]) < number:
                await self.app.client.get("/healthz")


@pytest.fixture
async def app(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[RunningApp]:
    async with running_app(database_urls, clock, tmp_path, push=True) as opened:
        yield opened


@pytest.fixture
async def watched(app: RunningApp) -> Watched:
    browser = await app.browser()
    await browser.sign_in()
    me = await browser.me()
    account = AccountKey(me["user_id"], me["accounts"][0]["sub"])
    found = Watched(app, browser, account)
    await app.catflap.components.jobs.sync(account)
    await found.maintain()
    await found.delivered(2)
    await app.rows("DELETE FROM queue.pgqueuer")
    return found


async def test_a_notification_of_google_marks_the_calendar_and_enqueues_one_job(watched: Watched) -> None:
    assert [one["answers"] for one in watched.app.sandbox.channels()] == [[[204]], [[204]]]
    assert (await watched.notified(), await watched.jobs()) == ((False, False), 0)
    at = watched.app.clock.now() + timedelta(hours=1)
    times = {name: {"dateTime": at.isoformat()} for name in ("start", "end")}
    for number in (3, 4):
        watched.app.sandbox.insert_event(ALICE, {"summary": "Tea", **times})
        await watched.delivered(number)
        assert (await watched.notified(), await watched.jobs()) == ((True, False), 1)


async def test_a_change_at_google_is_in_the_copy_without_any_poll(watched: Watched) -> None:
    """The whole way, with a worker, while the clock stands still: nothing but the notification is due."""
    at = watched.app.clock.now() + timedelta(hours=1)
    times = {"start": {"dateTime": at.isoformat()}, "end": {"dateTime": at.isoformat()}}
    async with watched.app.catflap.work(periodic=False), asyncio.timeout(30):
        watched.app.sandbox.insert_event(ALICE, {"summary": "Tea", **times})
        while not await watched.app.rows("SELECT * FROM app.events WHERE resource->>'summary' = 'Tea'"):
            pass
    assert await watched.notified() == (False, False)


async def test_a_notification_about_the_list_marks_the_list(watched: Watched) -> None:
    answer = await watched.app.client.post(PUSH_PATH, headers=watched.channel("calendarList"))
    assert answer.status_code == 204
    assert (await watched.notified(), await watched.jobs()) == ((False, True), 1)


async def test_the_first_message_of_a_channel_enqueues_nothing(watched: Watched) -> None:
    assert (await watched.notify(Resource_State="sync")).status_code == 204
    assert (await watched.notified(), await watched.jobs()) == ((False, False), 0)


@pytest.mark.parametrize("state", ["exists", "not_exists", "a_new_state"])
async def test_every_other_message_is_a_change(watched: Watched, state: str) -> None:
    answer = await watched.notify(Resource_State=state)
    assert (answer.status_code, answer.content) == (204, b"")
    assert await watched.notified() == (True, False)


@pytest.mark.parametrize(
    "forged",
    [
        {"Channel_Token": "x"},
        {"Channel_Token": ""},
        {"Channel_Token": "x" * 5000},
        {"Channel_ID": UNKNOWN},
        {"Channel_ID": "x"},
        {"Channel_ID": ""},
        {"Channel_ID": "1' OR '1'='1"},
    ],
    ids=lambda forged: str(forged)[:50],
)
async def test_a_forged_notification_gets_the_same_404_whatever_is_wrong(
    watched: Watched, forged: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    unknown = await watched.notify(Channel_ID=UNKNOWN)
    answer = await watched.notify(**forged)
    assert (answer.status_code, answer.content) == (404, unknown.content)
    assert answer.json()["code"] == "not_found"
    assert (await watched.notified(), await watched.jobs()) == ((False, False), 0)
    said = "".join(capfd.readouterr())
    assert watched.channel()["X-Goog-Channel-Token"] not in said and "x" * 50 not in said


async def test_a_notification_without_headers_or_of_another_channels_token_is_refused(
    watched: Watched,
) -> None:
    bare = await watched.app.client.post(PUSH_PATH)
    mixed = await watched.notify(Channel_Token=watched.channel("calendarList")["X-Goog-Channel-Token"])
    assert (bare.status_code, mixed.status_code) == (404, 404)
    assert bare.content == mixed.content


async def test_an_expired_channel_is_unknown(watched: Watched) -> None:
    genuine = watched.channel()
    watched.app.clock.advance(timedelta(days=7))
    answer = await watched.app.client.post(PUSH_PATH, headers=genuine)
    assert (answer.status_code, await watched.jobs()) == (404, 0)


async def test_a_notification_about_a_calendar_that_is_no_longer_selected_does_nothing(
    watched: Watched,
) -> None:
    await watched.app.rows("UPDATE app.calendars SET is_selected = false")
    assert (await watched.notify()).status_code == 204
    await watched.app.rows("DELETE FROM app.calendars")
    assert (await watched.notify()).status_code == 204
    assert await watched.jobs() == 0


async def test_the_body_is_not_read_and_a_large_one_refused(watched: Watched) -> None:
    path, headers = f"{watched.app.origin}{PUSH_PATH}", watched.channel()
    answer = await watched.app.client.post(path, headers=headers, content=b"{" * 1000)
    assert answer.status_code == 204
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    status, _, body = await raw(
        watched.app,
        f"POST {PUSH_PATH} HTTP/1.1\r\nHost: {watched.app.netloc}\r\n{lines}"
        "Content-Length: 999999999\r\nConnection: close\r\n\r\n".encode(),
    )
    assert (status, b"too_large" in body) == (413, True)


async def test_no_token_of_a_channel_is_stored_or_exported(watched: Watched) -> None:
    tokens = [one["token"] for one in watched.app.sandbox.channels()]
    dump = await watched.app.dump()
    export = (await watched.browser.get("/v1/me/export")).text
    assert tokens and not [one for one in tokens if one in dump or one in export]


@pytest.mark.parametrize("path", ["/v1/grants/{id}", "/v1/me"])
async def test_channels_are_stopped_before_their_grant_is_revoked(watched: Watched, path: str) -> None:
    (grant,) = (await watched.browser.me())["grants"]
    answer = await watched.browser.send("DELETE", path.format(id=grant["id"]))
    assert answer.status_code == 204, answer.text
    assert watched.app.sandbox.channels() == []
    assert await watched.app.rows("SELECT * FROM app.push_channels") == []


async def test_a_grant_is_revoked_though_its_channels_cannot_be_stopped(watched: Watched) -> None:
    watched.app.sandbox.fault("calendar.channels.stop", status=503)
    (grant,) = (await watched.browser.me())["grants"]
    answer = await watched.browser.send("DELETE", f"/v1/grants/{grant['id']}")
    assert answer.status_code == 204, answer.text
    assert (await watched.browser.me())["grants"] == []


async def test_in_a_host_application_the_address_has_the_prefix_of_the_router(
    app: RunningApp, tmp_path: Path
) -> None:
    def build(catflap: Catflap) -> FastAPI:
        host = FastAPI(lifespan=catflap.lifespan)
        host.include_router(catflap.auth_router())
        host.include_router(catflap.me_router())
        host.include_router(catflap.mia_router(), prefix="/cats")
        return host

    chosen = {"calendar_push_url": "", "public_url": "https://cat.example.com"}
    async with embedded(app, tmp_path, build, **chosen) as (_, host):
        push = getattr(host.state, STATE_KEY).push_channels
        assert push.address == f"https://cat.example.com/cats{PUSH_PATH}"


async def test_google_is_asked_for_no_push_where_it_is_off(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    async with running_app(database_urls, clock, tmp_path) as app:
        assert app.catflap.services.push_channels is None
        assert (await app.client.post(PUSH_PATH)).status_code == 404


async def test_the_route_is_not_there_where_calendars_are_off(
    database_urls: Urls, clock: FixedClock, tmp_path: Path
) -> None:
    async with running_app(database_urls, clock, tmp_path, calendars=False, push=True) as app:
        assert app.catflap.services.push_channels is None
        paths: dict[str, Any] = (await app.client.get("/openapi.json")).json()["paths"]
        assert PUSH_PATH not in paths and "/google/risc" in paths
