"""Pictures of all screens in `docs/screens/`, on a phone and on a desk: `make screens`.

The day is made up and the clock stands still, so a picture changes when its screen does.
"""

import asyncio
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Browser

from catflap.clock import rfc3339
from catflap.web.routes.pages import SCREENS
from tests.support.chromium import LETS_HER_SPEAK, open_browser
from tests.support.fake_account import account, session
from tests.support.fake_api import open_fake_api
from tests.support.fake_state import ALICE, FakeApi
from tests.support.fake_today import fill_day
from tests.support.fake_when import calendar
from tests.web.visits import NOON, Visit, guarded

HERE = Path(__file__).parents[2] / "docs" / "screens"
SIZES = {"phone": (390, 844), "desk": (1280, 900)}
# What else is shown of some screens: the language, and light or dark.
ALSO = {("today", "ja", "dark"), ("voice", "ja", "light"), ("when", "en", "dark")}
_PICTURES = """
Promise.all([...document.images].filter((one) => one.checkVisibility()).map((one) => one.decode()))
"""
# When a screen is complete.
COMPLETE = {
    "today": ".now-line",
    "voice": "#screen-voice input[type=radio]:not([disabled])",
    "devices": ".device-card",
    "operator": "#screen-operator[data-at]",
}


def sample() -> FakeApi:
    """Everything that screens show."""
    catflap = FakeApi(viewer=replace(ALICE, is_operator=True), is_busy=True)
    fill_day(catflap, NOON - timedelta(hours=12))
    catflap.own_calendars = [
        calendar(1, "Calico", "#9fe1e7", primary=True),
        calendar(2, "Work", "#5484ed", reminder_minutes=[15, 5]),
        calendar(3, "Band", "#fa573c", selected=False, selected_at_google=False),
    ]
    catflap.preferences |= {"quiet_from": "22:00", "quiet_until": "07:00"}
    catflap.accounts = [account(1), account(2, "work@example.com")]
    catflap.sessions = [session(1), session(2, user_agent="Safari (iPhone)")]
    seen = rfc3339(NOON - timedelta(hours=3))
    catflap.paired = [
        {"id": 70, "name": "Mia", "room": "Kitchen", "model": "ESP32"},
        {"id": 71, "name": "Mio", "room": "Hall", "model": "ESP32", "online": False, "last_seen_at": seen},
    ]
    catflap.plays = {
        number: [_play(hours, missed) for hours in range(24, 0, -1)] for number, missed in ((70, 9), (71, 3))
    }
    catflap.readings = {"小鳥遊": "たかなし", "SRE": "es are ee"}
    return catflap


def _play(hours: int, missed: int) -> dict[str, object]:
    state = "missed" if hours == missed else "held" if hours % 11 == 0 else "played"
    at, reason = rfc3339(NOON - timedelta(hours=hours)), "muted" if state == "held" else None
    return {"play_at": at, "state": state, "reason": reason, "late_seconds": None}


async def take(browser: Browser, catflap: FakeApi, name: str, size: str, language: str, scheme: str) -> None:
    """Take a picture of a screen; `signed-out` and `offline` are the pages without a session."""
    width, height = SIZES[size]
    context = await browser.new_context(
        locale=language,
        timezone_id="UTC",
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    path = "/" if name in ("today", "signed-out") else f"/{name}"
    async with guarded(context) as page:
        if name in ("signed-out", "offline"):
            await page.goto(catflap.url + path, wait_until="load")
        else:
            visit = Visit(page, catflap)
            await visit.open(path)
            await visit.sees(COMPLETE.get(name, f"#screen-{name}"))
            await visit.advance(timedelta(seconds=2))
            await page.evaluate(_PICTURES)
        suffix = "" if (language, scheme) == ("en", "light") else f"-{language}-{scheme}"
        await page.screenshot(path=HERE / f"{name}-{size}{suffix}.png")
    await context.close()


async def take_all() -> None:
    """Take all pictures, and tell each."""
    HERE.mkdir(exist_ok=True)
    async with open_browser(LETS_HER_SPEAK) as browser:
        for name in ("signed-out", *SCREENS, "operator", "offline"):
            looks = {("en", "light")} | {(language, scheme) for one, language, scheme in ALSO if one == name}
            for size in SIZES:
                for language, scheme in sorted(looks):
                    catflap = sample()
                    if name == "signed-out":
                        catflap.viewer = None
                    async with open_fake_api(catflap):
                        await take(browser, catflap, name, size, language, scheme)
                    print(name, size, language, scheme, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(take_all())
