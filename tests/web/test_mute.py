"""The mute of all devices over HTTP, and in the schedules of devices."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from catflap.clock import rfc3339
from tests.support.app_client import ALICE, BOB, Browser, RunningApp

pytestmark = pytest.mark.slow  # starts an application for each test

NONE = {"muted": False, "until": None}


@dataclass
class Muter:
    """A signed-in user with two devices."""

    app: RunningApp
    browser: Browser
    tokens: list[str]
    ids: list[int]

    async def mute(self, **body: Any) -> tuple[int, Any]:
        answer = await self.browser.send("PUT", "/v1/mute", json=body)
        return answer.status_code, answer.json()

    async def read(self) -> Any:
        return (await self.browser.get("/v1/mute")).json()

    async def schedules(self) -> list[dict[str, Any]]:
        headers = [{"Authorization": f"Bearer {token}"} for token in self.tokens]
        answers = [await self.app.client.get("/v1/device/schedule", headers=one) for one in headers]
        return [one.json() for one in answers]

    async def ends(self) -> list[str | None]:
        return [one["muted_until"] for one in await self.schedules()]


async def muter(app: RunningApp, email: str = ALICE) -> Muter:
    browser = await app.browser(email)
    await browser.sign_in()
    made = [(await browser.send("POST", "/v1/devices", json={"browser": True})).json() for _ in range(2)]
    return Muter(app, browser, [one["token"] for one in made], [one["id"] for one in made])


async def test_all_devices_are_muted_and_told_so(app: RunningApp) -> None:
    mia, other = await muter(app), await muter(app, BOB)
    assert (await mia.read(), await mia.ends()) == (NONE, [None, None])
    before = [one["version"] for one in await mia.schedules()]
    end = rfc3339(app.clock.now() + timedelta(hours=1))
    assert await mia.mute(**{"for": "hour"}) == (200, {"muted": True, "until": end})
    assert await mia.read() == {"muted": True, "until": end}
    assert await mia.ends() == [end, end]
    assert [one["version"] for one in await mia.schedules()] == [version + 1 for version in before]
    assert (await other.read(), await other.ends()) == (NONE, [None, None])
    app.clock.advance(timedelta(hours=1))
    assert (await mia.read(), await mia.ends()) == (NONE, [None, None])


async def test_a_mute_without_an_end_lasts_until_it_is_ended(app: RunningApp) -> None:
    mia = await muter(app)
    assert await mia.mute(**{"for": "always"}) == (200, {"muted": True, "until": None})
    assert await mia.ends() == ["2100-01-01T00:00:00Z"] * 2
    versions = [one["version"] for one in await mia.schedules()]
    for _ in range(2):
        assert (await mia.browser.send("DELETE", "/v1/mute")).status_code == 204
    assert (await mia.read(), await mia.ends()) == (NONE, [None, None])
    assert [one["version"] for one in await mia.schedules()] == [version + 1 for version in versions]


async def test_tomorrow_is_the_briefing_in_the_users_zone(app: RunningApp) -> None:
    mia = await muter(app)
    body = {"zone": "Asia/Tokyo", "reminder_minutes": [], "briefing_at": "07:30"}
    body |= {"dialect_ja": "kansai", "dialect_en": "kitten"}
    await mia.browser.send("PUT", "/v1/preferences", json=body)
    status, told = await mia.mute(**{"for": "tomorrow"})
    assert status == 200 and told["until"].endswith("T22:30:00Z")


async def test_a_device_keeps_its_own_mute_and_the_later_end_counts(app: RunningApp) -> None:
    mia, now = await muter(app), app.clock.now()
    ends = [rfc3339(now + timedelta(hours=hours)) for hours in (1, 2, 3)]
    await mia.browser.send("PATCH", f"/v1/devices/{mia.ids[0]}", json={"muted_until": ends[2]})
    await mia.browser.send("PATCH", f"/v1/devices/{mia.ids[1]}", json={"muted_until": ends[0]})
    assert await mia.mute(until=ends[1]) == (200, {"muted": True, "until": ends[1]})
    assert await mia.ends() == [ends[2], ends[1]]
    await mia.browser.send("DELETE", "/v1/mute")
    assert await mia.ends() == [ends[2], ends[0]]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"for": None},
        {"for": "ever"},
        {"for": "hour", "until": "2099-01-01T00:00:00Z"},
        {"until": "2020-01-01T00:00:00Z"},
        {"until": "2099-01-01T00:00:00"},
        {"until": 4070908800},
        {"lasts": "hour"},
    ],
)
async def test_a_mute_that_is_not_clear_is_refused(app: RunningApp, wrong: dict[str, Any]) -> None:
    browser = await app.browser(ALICE)
    await browser.sign_in()
    answer = await browser.send("PUT", "/v1/mute", json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert (await browser.get("/v1/mute")).json() == NONE
