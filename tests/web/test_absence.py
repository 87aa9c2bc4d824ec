"""A device that was offline when something was due: told if it is of use still, else counted as missed."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from catflap.devices.devices import OFFLINE_AFTER
from tests.support.app_client import ALICE, Browser, RunningApp
from tests.support.jobs import run_jobs
from tests.support.statements import commits, queries, recorded_statements

pytestmark = pytest.mark.slow  # starts an application for each test

MINUTE = timedelta(minutes=1)
HEARTBEAT = timedelta(seconds=20)


@dataclass
class Away:
    """Alice, with a device that was online at noon."""

    app: RunningApp
    browser: Browser
    device_id: int
    headers: dict[str, str]
    noon: datetime

    async def plan(self, *events: tuple[str, float], **more: Any) -> None:
        """Plan events at Google that begin so many minutes after noon and last half an hour."""
        for title, minutes in events:
            times = {"start": self.noon + minutes * MINUTE, "end": self.noon + (minutes + 30) * MINUTE}
            moments = {name: {"dateTime": at.isoformat(), "timeZone": "UTC"} for name, at in times.items()}
            self.app.sandbox.insert_event(ALICE, {"summary": title, **moments, **more})
        await self.sync()
        await self.heartbeat()

    async def sync(self) -> None:
        user_id = (await self.browser.me())["user_id"]
        calendars = self.app.catflap.components.jobs.calendars
        assert calendars is not None
        await calendars.sync_account(user_id, self.app.sandbox.account(ALICE).sub)
        await run_jobs(self.app)

    async def prefer(self, **chosen: Any) -> None:
        preferences = (await self.browser.get("/v1/preferences")).json()
        answer = await self.browser.send("PUT", "/v1/preferences", json={**preferences, **chosen})
        assert answer.status_code == 200, answer.text
        await run_jobs(self.app)

    def at(self, minutes: float) -> None:
        self.app.clock.advance_to(self.noon + minutes * MINUTE)

    async def heartbeat(self) -> None:
        answer = await self.app.client.post("/v1/device/heartbeat", headers=self.headers)
        assert answer.status_code == 204

    async def due(self) -> list[tuple[str, str]]:
        """The kind and the text of what the schedule has for the past and the next minute."""
        answer = await self.app.client.get("/v1/device/schedule", headers=self.headers)
        until = (self.app.clock.now() + MINUTE).isoformat()
        found = answer.json()["announcements"]
        return [(one["kind"], one["text"]) for one in found if one["play_at"] < until]

    async def states(self, kind: str) -> list[str]:
        query = "SELECT state FROM app.announcements WHERE kind = $1 AND device_id = $2 ORDER BY play_at"
        return [row["state"] for row in await self.app.rows(query, kind, self.device_id)]

    async def ack(self, kind: str, state: str = "played") -> None:
        query = "SELECT id FROM app.announcements WHERE kind = $1 AND device_id = $2 ORDER BY play_at"
        (row, *_) = await self.app.rows(query, kind, self.device_id)
        body = {"announcement": row["id"], "state": state, "at": self.app.clock.now().isoformat()}
        answer = await self.app.client.post("/v1/device/acks", headers=self.headers, json=body)
        assert answer.status_code == 204, answer.text


@pytest.fixture
async def away(app: RunningApp) -> Away:
    browser = await app.browser()
    await browser.sign_in()
    user_id = (await browser.me())["user_id"]
    device, token = await app.catflap.services.devices.add_browser(user_id, "Browser")
    made = Away(app, browser, device.id, {"Authorization": f"Bearer {token}"}, app.clock.now())
    await run_jobs(app)
    await made.prefer(zone="UTC", dialect_en="plain", reminder_minutes=[10, 0], briefing_at=None)
    return made


async def test_back_before_the_start_the_minutes_that_are_left_are_said(away: Away) -> None:
    await away.plan(("Tea", 20))
    away.at(13)
    ((kind, text),) = await away.due()
    assert kind == "late" and "Tea" in text and "7 minutes" in text
    assert await away.states("before") == ["missed"]
    assert await away.states("start") == ["planned"]


async def test_back_after_the_start_it_is_said_since_when_it_lasts(away: Away) -> None:
    await away.plan(("Tea", 20))
    away.at(27)
    ((kind, text),) = await away.due()
    assert kind == "late" and "7 minutes ago" in text
    assert await away.states("before") == await away.states("start") == ["missed"]


async def test_what_is_over_is_missed_and_not_said(away: Away) -> None:
    await away.plan(("Tea", 20))
    away.at(55)
    assert await away.due() == []
    assert await away.states("late") == []


async def test_a_whole_missed_morning_is_one_announcement_for_each_language(away: Away) -> None:
    await away.plan(*((f"Tea {n}", 15 + n) for n in range(9)), *((f"会議{n}", 15 + n) for n in range(9)))
    away.at(22)
    said = await away.due()
    assert [kind for kind, _ in said].count("late") == 2
    assert len(said) <= 2 + 4, "and those of this minute"


async def test_an_online_device_plays_late_what_it_has(away: Away) -> None:
    await away.plan(("Tea", 20))
    while away.app.clock.now() < away.noon + 13 * MINUTE:
        away.app.clock.advance(HEARTBEAT)
        await away.heartbeat()
    ((kind, _),) = await away.due()
    assert kind == "before"
    away.app.clock.advance(OFFLINE_AFTER)
    assert [kind for kind, _ in await away.due()] == ["before"], "that is not offline yet"


async def test_a_hidden_tab_whose_heartbeats_come_once_a_minute_is_not_late(away: Away) -> None:
    await away.plan(("Tea", 20))
    for minute in range(1, 12):
        away.at(minute + 0.5)
        await away.heartbeat()
    assert [kind for kind, _ in await away.due()] == ["before"]


async def test_a_device_of_which_nothing_was_heard_before_has_missed_nothing(away: Away) -> None:
    await away.plan(("Tea", 20))
    await away.app.rows("UPDATE app.devices SET last_seen_at = NULL")
    away.at(13)
    for _ in range(2):
        assert [kind for kind, _ in await away.due()] == ["before"]
        await away.heartbeat()


async def test_a_heartbeat_a_stream_and_a_request_at_once_say_it_once(away: Away) -> None:
    await away.plan(("Tea", 20))
    away.at(13)
    await asyncio.gather(away.heartbeat(), away.due(), away.heartbeat(), away.due())
    assert await away.states("late") == ["planned"]
    async with away.app.client.stream(
        "GET", "/v1/device/schedule", headers={**away.headers, "Accept": "text/event-stream"}
    ) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                assert line.count('"late"') == 1
                break


async def test_a_stream_begins_with_what_is_said_late(away: Away) -> None:
    await away.plan(("Tea", 20))
    away.at(13)
    headers = {**away.headers, "Accept": "text/event-stream"}
    async with away.app.client.stream("GET", "/v1/device/schedule", headers=headers) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                assert '"late"' in line and '"before"' not in line
                break


async def test_a_connection_that_comes_and_goes_says_it_once(away: Away) -> None:
    await away.plan(("Tea", 20))
    away.at(12)
    await away.due()
    away.at(14)
    # It was away again before it could say it.
    ((kind, text),) = await away.due()
    assert kind == "late" and "6 minutes" in text
    await away.ack("late")
    away.at(16)
    assert await away.due() == []
    assert await away.states("late") == ["played"]


async def test_what_the_device_played_by_itself_is_not_said_again(away: Away) -> None:
    await away.plan(("Tea", 20))
    away.at(13)
    assert [kind for kind, _ in await away.due()] == ["late"]
    await away.ack("before")
    assert await away.due() == []
    assert (await away.states("before"), await away.states("late")) == (["played"], ["cancelled"])


async def test_what_was_acknowledged_first_is_not_said_either(away: Away) -> None:
    await away.plan(("Tea", 20))
    away.at(13)
    await away.ack("before")
    assert await away.due() == []
    assert await away.states("late") == []


async def test_a_page_that_woke_too_late_has_missed_it(away: Away) -> None:
    await away.plan(("Tea", 20))
    away.at(13)
    await away.ack("before", "missed")
    assert [kind for kind, _ in await away.due()] == ["late"]


async def test_a_cancelled_event_is_not_said_late(away: Away) -> None:
    await away.plan(("Tea", 20))
    away.at(13)
    away.app.sandbox.delete_event(ALICE, away.app.sandbox.events(ALICE)[0]["id"])
    await away.sync()
    assert await away.due() == []


async def _mute_device(away: Away) -> None:
    until = (away.noon + 30 * MINUTE).isoformat()
    answer = await away.browser.send("PATCH", f"/v1/devices/{away.device_id}", json={"muted_until": until})
    assert answer.status_code == 200


async def _mute_all(away: Away) -> None:
    answer = await away.browser.send("PUT", "/v1/mute", json={"for": "hour"})
    assert answer.status_code == 200, answer.text


async def _quiet(away: Away) -> None:
    at = away.noon + timedelta(minutes=-30), away.noon + timedelta(minutes=90)
    begin, end = (one.strftime("%H:%M") for one in at)
    await away.prefer(quiet_from=begin, quiet_until=end)


@pytest.mark.parametrize(
    "silence", [_mute_device, _mute_all, _quiet], ids=lambda one: one.__name__.strip("_")
)
async def test_what_would_have_been_silent_is_not_said_late(
    away: Away, silence: Callable[[Away], Awaitable[None]]
) -> None:
    await away.plan(("Tea", 20))
    await silence(away)
    away.at(13)
    assert await away.due() == []
    assert await away.states("before") == ["held"]
    assert await away.states("late") == []


async def test_a_briefing_is_played_late_as_it_is(away: Away) -> None:
    at = away.noon + 10 * MINUTE
    await away.prefer(briefing_at=at.strftime("%H:%M"))
    await away.plan(("Tea", 200))
    away.at(40)
    assert [kind for kind, _ in await away.due()] == ["briefing"]


async def test_a_briefing_is_not_played_late_in_a_meeting_or_at_night(away: Away) -> None:
    await away.prefer(briefing_at="12:05", quiet_from="12:40", quiet_until="13:00")
    people = [{"email": email, "responseStatus": "accepted"} for email in (ALICE, "guest@example.com")]
    await away.plan(("Review", 8), attendees=people)
    away.at(15)
    assert [kind for kind, _ in await away.due() if kind == "briefing"] == []
    assert (await away.states("briefing"))[0] == "held"
    query = "SELECT expires_at FROM app.announcements WHERE kind = 'briefing' ORDER BY play_at"
    (row, *_) = await away.app.rows(query)
    assert row["expires_at"] == away.noon + 40 * MINUTE


async def test_plans_leave_it_alone(away: Away) -> None:
    await away.plan(("Tea", 20))
    away.at(13)
    said = await away.due()
    await away.plan(("Retro", 300))
    assert await away.due() == said


async def test_an_online_device_costs_one_statement(away: Away) -> None:
    await away.plan(("Tea", 20))
    with recorded_statements() as sent:
        await away.heartbeat()
    assert (queries(sent), commits(sent)) == (2, 0), "with the look-up of the device"
    away.at(5)
    with recorded_statements() as sent:
        await away.heartbeat()
    assert queries(sent) == 2, "of one that is back and has missed nothing too"


async def test_it_is_erased_with_the_grant(away: Away) -> None:
    await away.plan(("Tea", 20))
    away.at(13)
    assert await away.due() != []
    (grant,) = (await away.browser.get("/v1/grants")).json()["grants"]
    assert (await away.browser.send("DELETE", f"/v1/grants/{grant['id']}")).status_code == 204
    await run_jobs(away.app)
    assert await away.states("late") == []
    assert "Tea" not in await away.app.dump()
