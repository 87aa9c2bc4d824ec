"""The list of what will be said and what was, with what became of it."""

from datetime import timedelta
from typing import Any

import pytest

from catflap.clock import rfc3339
from catflap.web import announcement_resources
from tests.support.app_client import Browser, RunningApp
from tests.support.spoken import add_announcement

pytestmark = pytest.mark.slow  # starts an application for each test

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


async def listed(browser: Browser) -> dict[str, dict[str, Any]]:
    answer = await browser.get("/v1/announcements")
    assert answer.status_code == 200, answer.text
    return {one["id"]: one for one in answer.json()["announcements"]}


async def test_what_became_of_it_is_told_with_its_time_its_device_and_the_reason(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    kitchen = (await browser.send("POST", "/v1/devices", json={"browser": True, "name": "Kitchen"})).json()
    user, now, engine = (await browser.me())["user_id"], app.clock.now(), app.catflap.services.engine

    async def add(name: str, state: str, at: Any, **more: Any) -> None:
        await add_announcement(engine, user, kitchen["id"], at, id=name, state=state, **more)

    await add("waiting", "ready", now + HOUR)
    await add("heard", "sent", now - MINUTE)
    await add("muted", "held", now - 2 * HOUR, detail="muted", updated_at=now - HOUR)
    await add("by the plan", "held", now + 2 * HOUR, held_for="quiet")
    await add("called off", "cancelled", now - HOUR)
    await add("of this morning", "played", now - timedelta(hours=25))
    await add("of yesterday", "played", now - timedelta(hours=25, seconds=1))
    ack = {"announcement": "heard", "state": "played", "at": rfc3339(now - 50 * timedelta(seconds=1))}
    device = {"Authorization": f"Bearer {kitchen['token']}"}
    assert (await app.client.post("/v1/device/acks", headers=device, json=ack)).status_code == 204

    found = await listed(browser)
    told = {name: (one["state"], one["outcome_at"], one["detail"]) for name, one in found.items()}
    assert told == {
        "waiting": ("ready", None, None),
        "heard": ("played", ack["at"], None),
        "muted": ("held", rfc3339(now - HOUR), "muted"),
        "by the plan": ("held", None, None),
        "of this morning": ("played", rfc3339(now - timedelta(hours=25)), None),
    }
    assert {one["device_name"] for one in found.values()} == {"Kitchen"}
    assert list(found) == ["of this morning", "muted", "heard", "waiting", "by the plan"]


async def test_every_time_in_utc_ends_with_z_and_others_keep_their_offset(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    device = (await browser.send("POST", "/v1/devices", json={"browser": True})).json()["id"]
    user, now, engine = (await browser.me())["user_id"], app.clock.now(), app.catflap.services.engine
    starts = {
        "2026-11-24T10:00:00+00:00": "2026-11-24T10:00:00Z",
        "2026-11-24T19:00:00+09:00": "2026-11-24T19:00:00+09:00",
        "2026-11-24": "2026-11-24",
        "": "",
    }
    for start in starts:
        await add_announcement(engine, user, device, now, id=f"at {start}", event_start=start)
    found = await listed(browser)
    assert {one["event_start"] for one in found.values()} == {*starts.values()}


async def test_of_very_many_those_nearest_to_now_are_listed(
    app: RunningApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcement_resources, "MOST", 3)
    browser = await app.browser()
    await browser.sign_in()
    device = (await browser.send("POST", "/v1/devices", json={"browser": True})).json()["id"]
    user, now, engine = (await browser.me())["user_id"], app.clock.now(), app.catflap.services.engine
    for hours in (-9, -2, 1, 3, 8):
        await add_announcement(engine, user, device, now + hours * HOUR, id=str(hours))
    assert list(await listed(browser)) == ["-2", "1", "3"]
