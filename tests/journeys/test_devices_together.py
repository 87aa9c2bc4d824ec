"""A page, a robot over HTTPS and one over MQTT say one appointment, with the network away between.

Time stands still but for what the test lets pass: for the server, for both robots and for the page.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from catflap.clock import FixedClock
from catflap.store.database import Urls
from tests.support.app_client import ALICE, RunningApp, running_app
from tests.support.chromium import CHROMIUM, LETS_HER_SPEAK, open_browser
from tests.support.device_announcements import DeviceOwner
from tests.support.firmware import Firmware, milliseconds, running_firmware, samples, write_flash
from tests.support.mosquitto import Mosquitto, needs_mosquitto, running_mosquitto
from tests.support.severable import Severable, severable
from tests.web.visits import AWAKE, SPY, guarded

pytestmark = [pytest.mark.slow, pytest.mark.browser, needs_mosquitto]

SECOND = timedelta(seconds=1)
# How late a robot may be by its own clock.
ON_TIME_MS = 50


@dataclass
class Home:
    """The three devices of one user, and the lines that lead to them."""

    app: RunningApp
    owner: DeviceOwner
    lines: list[Severable]
    context: BrowserContext
    page: Page
    robots: dict[int, Firmware]

    async def advance(self, by: timedelta) -> None:
        """Let time pass for everybody, in steps, because a page stays awake at least that often."""
        while by > timedelta(0):
            step = min(by, SECOND)
            for robot in self.robots.values():
                await robot.do("advance", step // timedelta(milliseconds=1))
            await self.page.clock.run_for(step // timedelta(milliseconds=1))
            self.app.clock.advance(step)
            by -= step

    async def advance_past(self, due: datetime, nth: int) -> None:
        """Let time pass until all are to have said the nth announcement.

        The page reads and decodes its sound in real time, two seconds of its clock before it is due.
        """
        await self.advance(due - SECOND - self.app.clock.now())
        await expect(self.page.locator("html")).to_have_attribute("data-started", str(nth), timeout=30_000)
        await self.advance(due + 8 * SECOND - self.app.clock.now())

    async def advance_until(self, states: set[str]) -> None:
        """Let time pass until the announcements of all devices have these states."""
        for _ in range(60):
            if set(await self.states()) == states:
                return
            await self.advance(SECOND)
        raise AssertionError(await self.states())

    async def advance_until_done(self, robot: Firmware, announcement_id: str) -> None:
        """Let time pass until a robot has said something."""
        for _ in range(60):
            if robot.find("done", announcement=announcement_id, state="played"):
                return
            await self.advance(SECOND)
        raise AssertionError([one for one in robot.events if one["event"] != "obeyed"])

    async def states(self) -> list[str]:
        rows = await self.app.rows("SELECT state FROM app.announcements WHERE kind IN ('before', 'start')")
        return [row["state"] for row in rows]

    async def cut(self) -> None:
        """Take the network away from all three."""
        for line in self.lines:
            await line.cut()
        await self.context.set_offline(True)

    async def restore(self) -> None:
        """Give it back; the page compares its clock while time stands still."""
        for line in self.lines:
            await line.restore()
        async with self.page.expect_response(lambda answer: "/v1/device/schedule" in answer.url):
            await self.context.set_offline(False)

    async def planned(self, kind: str) -> dict[int, Any]:
        """What each device is to say: id, time, text and sound, by device."""
        rows = await self.app.rows(
            "SELECT a.id, a.device_id, a.play_at, a.display, s.wav FROM app.announcements a"
            " JOIN app.sounds s ON s.key = a.sound_key WHERE a.kind = $1",
            kind,
        )
        return {row["device_id"]: row for row in rows}

    async def robots_hold_sounds(self) -> None:
        """Wait until both robots hold both sounds; one plan has made all announcements."""
        for robot in self.robots.values():
            await robot.until("sound_held")
        rows = await self.app.rows(
            "SELECT id, device_id FROM app.announcements WHERE kind IN ('before', 'start')"
        )
        for row in rows:
            if row["device_id"] in self.robots:
                await self.robots[row["device_id"]].until("sound_held", announcement=row["id"])

    async def said(self, kind: str) -> None:
        """Every device has said it, on time and as the server made it."""
        planned = await self.planned(kind)
        assert len(planned) == 3
        assert len({row["play_at"] for row in planned.values()}) == 1
        for device_id, robot in self.robots.items():
            one = planned[device_id]
            await self.advance_until_done(robot, one["id"])
            due = milliseconds(one["play_at"])
            (recorded,) = (found for found in robot.find("recorded") if 0 <= found["at"] - due <= ON_TIME_MS)
            assert samples(robot.folder / recorded["file"]) == samples(bytes(one["wav"]))
            assert len(robot.find("speak", announcement=one["id"])) == 1
        (shown,) = (row for device_id, row in planned.items() if device_id not in self.robots)
        await expect(self.page.locator("#bubble-text")).to_have_text(shown["display"])
        started = [
            datetime.fromtimestamp(at / 1000, UTC) for at in await self.page.evaluate("window.started")
        ]
        assert [at for at in started if abs(at - shown["play_at"]) < timedelta(milliseconds=ON_TIME_MS)]
        # The page's sound takes real time.
        await expect(self.page.locator(AWAKE)).to_have_count(1, timeout=30_000)


@pytest.fixture
async def home(database_urls: Urls, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Home]:
    async with AsyncExitStack() as stack:
        (tmp_path / "broker").mkdir()
        broker = await stack.enter_async_context(running_mosquitto(tmp_path / "broker"))
        to_broker = await stack.enter_async_context(severable(f"127.0.0.1:{broker.port}"))
        settings = {"mqtt_url": broker.url, "mqtt_device_url": f"mqtt://127.0.0.1:{to_broker.port}"}
        app = await stack.enter_async_context(
            running_app(database_urls, clock, tmp_path / "data", **settings)
        )
        to_app = await stack.enter_async_context(severable(app.netloc))
        owner = await DeviceOwner.sign_in(app)
        preferences = (await owner.browser.get("/v1/preferences")).json()
        chosen = {"zone": "UTC", "briefing_at": None, "reminder_minutes": [1, 0]}
        await owner.browser.send("PUT", "/v1/preferences", json={**preferences, **chosen})
        await stack.enter_async_context(app.catflap.work())
        robots = {}
        for channel in ("https", "mqtt"):
            folder = tmp_path / channel
            write_flash(folder, f"http://127.0.0.1:{to_app.port}", channel=channel)
            device_id = await pair(owner, broker, folder, channel)
            robots[device_id] = await stack.enter_async_context(running_firmware(folder, clock=clock))
        browser = await stack.enter_async_context(open_browser(LETS_HER_SPEAK, program=CHROMIUM))
        context = await browser.new_context(locale="en-GB", timezone_id="UTC")
        await context.add_cookies(
            [
                {"name": one.name, "value": one.value or "", "url": app.origin}
                for one in owner.browser.http.cookies.jar
            ]
        )
        page = await stack.enter_async_context(guarded(context))
        yield Home(app, owner, [to_app, to_broker], context, page, robots)


async def pair(owner: DeviceOwner, broker: Mosquitto, folder: Path, channel: str) -> int:
    """Pair a robot, and have the broker know it; its id."""
    owner.token = f"a token of the robot over {channel}"
    state = await owner.pair(channel=channel)
    (folder / "state.json").write_text(json.dumps(state))
    if channel == "mqtt":
        headers = {"Authorization": f"Bearer {owner.token}"}
        login = (await owner.app.client.get("/v1/device/mqtt", headers=headers)).json()
        await broker.add(owner.device_id, login["password"])
    return owner.device_id


async def sounds_of(fetched: asyncio.Queue[str], count: int) -> None:
    """Wait until the page has fetched so many sounds."""
    async with asyncio.timeout(60):
        while count:
            count -= "/v1/sounds/" in await fetched.get()


async def test_an_appointment_is_said_by_a_page_and_two_robots_while_the_network_is_away_and_back(
    home: Home,
) -> None:
    app, page = home.app, home.page
    starts_at = app.clock.now() + timedelta(minutes=3)
    times = {"start": starts_at, "end": starts_at + timedelta(minutes=30)}
    moments = {name: {"dateTime": at.isoformat(), "timeZone": "UTC"} for name, at in times.items()}
    fetched = asyncio.Queue[str]()
    page.on("requestfinished", lambda request: fetched.put_nowait(request.url))
    await page.clock.install(time=app.clock.now() - SECOND)
    await page.clock.pause_at(app.clock.now())
    await page.add_init_script(SPY)
    await page.goto(app.origin)
    app.sandbox.insert_event(ALICE, {"summary": "Tea with 小鳥遊さん", **moments})
    calendars = app.catflap.components.jobs.calendars
    assert calendars is not None
    await calendars.sync_account(home.owner.user_id, app.sandbox.account(ALICE).sub)
    await home.robots_hold_sounds()
    await sounds_of(fetched, 2)

    await home.cut()
    await home.advance_past(starts_at - timedelta(minutes=1), 1)
    await home.said("before")
    assert set(await home.states()) <= {"planned", "ready", "sent"}

    await home.restore()
    await home.advance_until({"ready", "played"})
    await home.advance_past(starts_at, 2)
    await home.said("start")
    await home.advance_until({"played"})
    # Nobody thinks that something was missed.
    assert not await app.rows("SELECT id FROM app.announcements WHERE kind = 'late'")
