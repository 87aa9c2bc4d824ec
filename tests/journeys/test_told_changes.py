"""From a change at Google to what a device says of it: moved, cancelled, and a consent that has ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from catflap.work.periodic import PeriodicTasks
from tests.support.app_client import ALICE, BOB, Browser, RunningApp
from tests.support.jobs import run_jobs

pytestmark = pytest.mark.slow  # starts an application for each test

HOUR = timedelta(hours=1)


@dataclass
class Told:
    """Alice and her device, which plays whatever is due."""

    app: RunningApp
    browser: Browser
    user_id: int
    headers: dict[str, str]

    def insert(self, title: str, start: datetime, email: str = ALICE, **more: Any) -> str:
        event = self.app.sandbox.insert_event(email, {"summary": title, **_times(start), **more})
        return str(event["id"])

    def move(self, event_id: str, start: datetime, email: str = ALICE) -> None:
        self.app.sandbox.change_event(email, event_id, _times(start))

    async def sync(self, *emails: str) -> None:
        calendars = self.app.catflap.components.jobs.calendars
        assert calendars is not None
        for email in emails or (ALICE,):
            await calendars.sync_account(self.user_id, self.app.sandbox.account(email).sub)
        await run_jobs(self.app)

    async def play(self, how_long: timedelta) -> list[tuple[str, str]]:
        """Let time pass; return the kind and the text of what was played."""
        until, said = self.app.clock.now() + how_long, []
        while self.app.clock.now() < until:
            self.app.clock.advance(min(until - self.app.clock.now(), timedelta(seconds=20)))
            await self.app.client.post("/v1/device/heartbeat", headers=self.headers)
            now = self.app.clock.now()
            for one in await self.schedule():
                if datetime.fromisoformat(one["play_at"]) <= now:
                    said.append((one["kind"], one["text"]))
                    body = {"announcement": one["id"], "state": "played", "at": now.isoformat()}
                    await self.app.client.post("/v1/device/acks", headers=self.headers, json=body)
        return said

    async def schedule(self) -> list[dict[str, Any]]:
        answer = await self.app.client.get("/v1/device/schedule", headers=self.headers)
        found: list[dict[str, Any]] = answer.json()["announcements"]
        return found


def _times(start: datetime) -> dict[str, Any]:
    times = {"start": start, "end": start + HOUR / 2}
    return {name: {"dateTime": at.isoformat(), "timeZone": "UTC"} for name, at in times.items()}


@pytest.fixture
async def told(app: RunningApp) -> Told:
    browser = await app.browser()
    await browser.sign_in()
    user_id = (await browser.me())["user_id"]
    _, token = await app.catflap.services.devices.add_browser(user_id, "Browser")
    await run_jobs(app)
    preferences = (await browser.get("/v1/preferences")).json()
    chosen = {"zone": "UTC", "dialect_en": "plain", "briefing_at": None, "says_cancelled": True}
    await browser.send("PUT", "/v1/preferences", json={**preferences, **chosen})
    await run_jobs(app)
    return Told(app, browser, user_id, {"Authorization": f"Bearer {token}"})


async def test_a_moved_and_a_cancelled_event_are_told_once(told: Told) -> None:
    noon = told.app.clock.now()
    tea, retro = told.insert("Tea", noon + 3 * HOUR), told.insert("Retro", noon + 5 * HOUR)
    await told.sync()
    assert await told.play(timedelta(minutes=2)) == []
    told.move(tea, noon + 4 * HOUR)
    told.app.sandbox.delete_event(ALICE, retro)
    await told.sync()
    said = await told.play(timedelta(minutes=2))
    assert sorted(kind for kind, _ in said) == ["cancelled", "moved"]
    texts = dict(said)
    assert "Tea" in texts["moved"] and "4" in texts["moved"] and "Retro" in texts["cancelled"]
    await told.sync()
    assert await told.play(HOUR) == []


async def test_what_is_moved_twice_at_once_is_told_with_the_last_time(told: Told) -> None:
    noon = told.app.clock.now()
    tea = told.insert("Tea", noon + 3 * HOUR)
    await told.sync()
    for hours in (4, 6):
        told.move(tea, noon + hours * HOUR)
        await told.sync()
        told.app.clock.advance(timedelta(seconds=5))
    ((kind, text),) = await told.play(timedelta(minutes=2))
    assert kind == "moved" and "6" in text
    told.move(tea, noon + 3 * HOUR)
    await told.sync()
    ((kind, text),) = await told.play(timedelta(minutes=2))
    assert kind == "moved" and "3" in text, "after it was told, moving back is another change"


async def test_what_is_moved_and_moved_back_at_once_is_not_told(told: Told) -> None:
    noon = told.app.clock.now()
    tea = told.insert("Tea", noon + 3 * HOUR)
    await told.sync()
    for hours in (4, 3):
        told.move(tea, noon + hours * HOUR)
        await told.sync()
        told.app.clock.advance(timedelta(seconds=5))
    assert await told.play(timedelta(minutes=5)) == []


@pytest.mark.parametrize("pause", [timedelta(seconds=3), timedelta(minutes=3)], ids=["soon", "later"])
@pytest.mark.parametrize("first", [ALICE, BOB])
async def test_an_event_in_two_calendars_that_are_read_in_turn_is_told_once(
    told: Told, first: str, pause: timedelta
) -> None:
    await told.browser.sign_in("/signin/google?scopes=calendar&purpose=link", email=BOB)
    noon, second = told.app.clock.now(), BOB if first == ALICE else ALICE
    mine = {email: told.insert("Tea", noon + 3 * HOUR, email) for email in (ALICE, BOB)}
    await told.sync(ALICE, BOB)
    said = []
    for email in (first, second):
        told.move(mine[email], noon + 4 * HOUR, email)
        await told.sync(email)
        said += await told.play(pause)
    said += await told.play(timedelta(minutes=3))
    assert [kind for kind, _ in said] == ["moved"]


async def test_a_consent_that_has_ended_is_asked_for_once_a_day_until_it_is_given(told: Told) -> None:
    app = told.app
    told.insert("Tea", app.clock.now() + 30 * HOUR)
    await told.sync()
    app.sandbox.revoke_access(ALICE)
    app.clock.advance(HOUR)
    await _tick(app)
    assert [one["kind"] for one in await told.schedule()] == ["reconsent"]
    for _ in range(48):
        app.clock.advance(HOUR)
        await _tick(app)
    days = await app.rows(
        "SELECT (play_at AT TIME ZONE 'UTC')::date AS day, count(*) FROM app.announcements"
        " WHERE kind = 'reconsent' AND state <> 'cancelled' GROUP BY day ORDER BY day"
    )
    assert [row["count"] for row in days] == [1] * len(days) and len(days) >= 3
    assert "reconsent" in [one["kind"] for one in await told.schedule()]
    await told.browser.sign_in()
    await run_jobs(app)
    assert "reconsent" not in [one["kind"] for one in await told.schedule()]


async def _tick(app: RunningApp) -> None:
    await PeriodicTasks(app.catflap.services.engine, app.clock, most_syncs=100).tick()
    await run_jobs(app)
