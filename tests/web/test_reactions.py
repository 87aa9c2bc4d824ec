"""What users and devices do about announcements, over HTTP."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from catflap.clock import rfc3339
from tests.support.app_client import ALICE, BOB, Browser, RunningApp
from tests.support.jobs import run_jobs
from tests.support.spoken import add_announcement, made_at_once, reactions_of

pytestmark = pytest.mark.slow  # starts an application for each test

MINUTE = timedelta(minutes=1)


@dataclass
class Listener:
    """A signed-in user with a device."""

    app: RunningApp
    browser: Browser
    user_id: int
    device_id: int
    headers: dict[str, str]

    @property
    def engine(self) -> AsyncEngine:
        return self.app.catflap.services.engine

    async def hear(self, minutes_ago: int = 1, **more: Any) -> str:
        at = self.app.clock.now() - minutes_ago * MINUTE
        return await add_announcement(self.engine, self.user_id, self.device_id, at, **more)

    async def post(self, announcement: str, action: str, body: Any = None) -> httpx2.Response:
        return await self.browser.send("POST", f"/v1/announcements/{announcement}/{action}", json=body)

    async def act(self, action: str, **more: Any) -> tuple[int, dict[str, Any]]:
        body = {"action": action, **more}
        answer = await self.app.client.post("/v1/device/actions", headers=self.headers, json=body)
        return answer.status_code, answer.json()

    async def schedule(self) -> dict[str, Any]:
        answer = await self.app.client.get("/v1/device/schedule", headers=self.headers)
        found: dict[str, Any] = answer.json()
        return found


async def listener(app: RunningApp, email: str = ALICE) -> Listener:
    browser = await app.browser(email)
    await browser.sign_in()
    device = (await browser.send("POST", "/v1/devices", json={"browser": True})).json()
    headers = {"Authorization": f"Bearer {device['token']}"}
    return Listener(app, browser, (await browser.me())["user_id"], device["id"], headers)


async def test_a_user_acknowledges_snoozes_and_repeats(app: RunningApp) -> None:
    mia = await listener(app)
    lunch, now = await mia.hear(), app.clock.now()
    assert (await mia.post(lunch, "acknowledge")).status_code == 204
    answer = await mia.post(lunch, "snooze", {"minutes": 7})
    assert (answer.status_code, answer.json()) == (200, {"play_at": rfc3339(now + 7 * MINUTE)})
    assert (await mia.post(lunch, "snooze", {})).json() == {"play_at": rfc3339(now + 5 * MINUTE)}
    assert await reactions_of(mia.engine, mia.user_id) == [
        ("acknowledged", "lunch", None),
        ("snoozed", "lunch", now + 5 * MINUTE),
    ]
    answer = await mia.post(lunch, "repeat")
    again = answer.json()
    assert (answer.status_code, again["kind"], again["text"]) == (200, "repeat", "Lunch in 10 minutes!")
    (said,) = (await mia.schedule())["announcements"]
    assert (said["id"], said["play_at"], said["kind"]) == (again["id"], rfc3339(now), "repeat")


async def test_a_device_means_the_last_thing_that_it_said(app: RunningApp) -> None:
    mia = await listener(app)
    for action in ("acknowledge", "snooze", "repeat"):
        status, told = await mia.act(action)
        assert (status, told["code"]) == (404, "not_found")
    await mia.hear(20, occurrences=["talk"])
    lunch, now = await mia.hear(3), app.clock.now()
    nothing = {"announcement": lunch, "play_at": None, "muted_until": None}
    assert await mia.act("acknowledge") == (200, nothing)
    for minutes in (5, 9):
        play_at = rfc3339(now + minutes * MINUTE)
        more = {} if minutes == 5 else {"minutes": minutes}
        assert await mia.act("snooze", **more) == (200, nothing | {"play_at": play_at})
    assert await reactions_of(mia.engine, mia.user_id) == [
        ("acknowledged", "lunch", None),
        ("snoozed", "lunch", now + 9 * MINUTE),
    ]
    for _ in range(2):
        status, told = await mia.act("repeat", announcement=lunch)
        assert (status, told) == (200, nothing | {"play_at": rfc3339(now)})
    assert len((await mia.schedule())["announcements"]) == 1


async def test_a_device_mutes_itself_alone(app: RunningApp) -> None:
    mia, now = await listener(app), app.clock.now()
    for more, end in (({}, 60), ({"minutes": 5}, 5), ({"minutes": 0}, None)):
        until = rfc3339(now + end * MINUTE) if end else None
        told = {"announcement": None, "play_at": None, "muted_until": until}
        assert await mia.act("mute", **more) == (200, told)
        assert (await mia.schedule())["muted_until"] == until
    assert (await mia.browser.get("/v1/mute")).json()["muted"] is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "purr"},
        {"action": "repeat", "minutes": 5},
        {"action": "acknowledge", "minutes": 5},
        {"action": "snooze", "minutes": 0},
        {"action": "snooze", "minutes": 1441},
        {"action": "mute", "minutes": -1},
        {"action": "mute", "minutes": 10081},
        {"action": "mute", "announcement": "x"},
        {"action": "repeat", "announcement": "a\0"},
        {},
    ],
)
async def test_an_action_that_is_not_clear_is_refused(app: RunningApp, wrong: dict[str, Any]) -> None:
    mia = await listener(app)
    await mia.hear()
    answer = await app.client.post("/v1/device/actions", headers=mia.headers, json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert await reactions_of(mia.engine, mia.user_id) == []


async def test_anothers_announcement_and_one_that_was_deleted_are_not_found(app: RunningApp) -> None:
    mia, other = await listener(app), await listener(app, BOB)
    theirs = await other.hear()
    second = (await mia.browser.send("POST", "/v1/devices", json={"browser": True})).json()
    elsewhere = await add_announcement(mia.engine, mia.user_id, second["id"], app.clock.now(), id="elsewhere")
    for announcement in (theirs, "no-such"):
        for action, body in {"acknowledge": None, "snooze": {"minutes": 5}, "repeat": None}.items():
            answer = await mia.post(announcement, action, body)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    for announcement in (theirs, elsewhere, "no-such"):
        for action in ("acknowledge", "snooze", "repeat"):
            status, told = await mia.act(action, announcement=announcement)
            assert (status, told["code"]) == (404, "not_found")
    for one in (mia, other):
        assert await reactions_of(one.engine, one.user_id) == []
        assert await made_at_once(one.engine, one.device_id) == []


async def test_repeats_are_limited_for_the_user_on_all_sides(app: RunningApp) -> None:
    mia = await listener(app)
    lunch = await mia.hear()
    statuses = []
    while 429 not in statuses and len(statuses) < 100:
        statuses.append((await mia.post(lunch, "repeat")).status_code)
        statuses.append((await mia.act("repeat"))[0])
    assert set(statuses[:5]) == {200} and 429 in statuses
    assert (await mia.act("snooze"))[0] == 200


async def test_what_is_acknowledged_or_snoozed_is_planned_so(app: RunningApp) -> None:
    mia = await listener(app)
    body = {"zone": "UTC", "reminder_minutes": [0], "briefing_at": None, "repeat_minutes": 3}
    body |= {"dialect_ja": "kansai", "dialect_en": "plain"}
    assert (await mia.browser.send("PUT", "/v1/preferences", json=body)).status_code == 200
    start = app.clock.now() + MINUTE
    times = {"start": start, "end": start + 60 * MINUTE}
    event = {name: {"dateTime": at.isoformat()} for name, at in times.items()}
    app.sandbox.insert_event(ALICE, {"summary": "Lunch", **event})
    await run_jobs(app)

    async def coming() -> list[tuple[str, float]]:
        await run_jobs(app)
        said = (await mia.schedule())["announcements"]
        return [(one["kind"], (datetime.fromisoformat(one["play_at"]) - start) / MINUTE) for one in said]

    again = [("again", minutes) for minutes in (3, 6, 9, 12, 15)]
    assert await coming() == [("start", 0), *again]
    (first, *_) = (await mia.schedule())["announcements"]
    app.clock.advance(2 * MINUTE)
    assert (await mia.post(first["id"], "snooze", {"minutes": 9})).status_code == 200
    assert await coming() == [("start", 0), ("snoozed", 10)]
    assert (await mia.act("snooze", minutes=4))[0] == 200
    assert await coming() == [("start", 0), ("snoozed", 5)]
    assert (await mia.act("acknowledge"))[0] == 200
    assert await coming() == [("start", 0)]
