"""What a day would sound like, over HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.app_client import ALICE, BOB, Browser, RunningApp

pytestmark = pytest.mark.slow  # starts an application for each test

PATH = "/v1/announcements/preview"


async def signed_in(app: RunningApp, email: str = ALICE) -> Browser:
    browser = await app.browser(email)
    await browser.sign_in()
    return browser


async def ask(browser: Browser, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = await browser.send("POST", PATH, json=body)
    return answer.status_code, answer.json()


async def test_without_a_body_of_note_it_is_tomorrow_with_what_is_stored(app: RunningApp) -> None:
    browser = await signed_in(app)
    stored = (await browser.get("/v1/preferences")).json()
    status, found = await ask(browser)
    assert status == 200, found
    tomorrow = app.clock.now().date() + timedelta(days=1)
    assert (found["day"], found["appointments"], found["sample"]) == (tomorrow.isoformat(), 0, False)
    assert (found["zone"], found["zone_source"]) == (stored["zone"], stored["zone_source"])
    assert [(one["kind"], one["held_for"]) for one in found["announcements"]] == [("briefing", None)]


async def test_changes_are_previewed_on_top_of_what_is_stored(app: RunningApp) -> None:
    browser = await signed_in(app)
    body = {"briefing_at": None, "quiet_from": "22:00", "quiet_until": "07:00", "dialect_en": "pirate"}
    status, found = await ask(browser, day="today", preferences=body, sample="en")
    assert status == 200, found
    assert found["sample"] and {one["dialect"] for one in found["announcements"]} == {"pirate"}
    assert "briefing" not in {one["kind"] for one in found["announcements"]}
    held = [one["titles"] for one in found["announcements"] if one["held_for"] == "quiet"]
    assert held and all(title == ["Night train"] for title in held)
    assert len(found["meetings"]) == 1
    assert (await browser.get("/v1/preferences")).json()["dialect_en"] == "kitten"


async def test_the_zone_that_would_be_followed_is_told(app: RunningApp) -> None:
    browser = await signed_in(app)
    stored = (await browser.get("/v1/preferences")).json()
    followed = stored["zone"], stored["zone_source"]
    await browser.send("PUT", "/v1/preferences", json={**stored, "zone": "Asia/Tokyo", "zone_source": "user"})
    _, found = await ask(browser)
    assert (found["zone"], found["zone_source"]) == ("Asia/Tokyo", "user")
    _, found = await ask(browser, preferences={"zone": None})
    assert (found["zone"], found["zone_source"]) == followed
    _, found = await ask(browser, preferences={"zone": "Europe/Paris"})
    assert (found["zone"], found["zone_source"]) == ("Europe/Paris", "user")


async def test_all_that_was_read_can_be_sent_and_changes_nothing(app: RunningApp) -> None:
    browser = await signed_in(app)
    stored = (await browser.get("/v1/preferences")).json()
    assert await ask(browser, preferences=stored) == await ask(browser)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"day": "yesterday"}, "invalid_request"),
        ({"day": "2020-01-01"}, "invalid_request"),
        ({"day": "9999-12-31"}, "invalid_request"),
        ({"day": 20261124}, "invalid_request"),
        ({"sample": "de"}, "invalid_request"),
        ({"preferences": {"calendars": []}}, "invalid_request"),
        ({"preferences": {"quiet_from": "22:00"}}, "preferences_invalid"),
        ({"preferences": {"zone": "Europe/Nowhere"}}, "zone_unknown"),
        ({"preferences": {"dialect_en": "klingon"}}, "unknown_dialect"),
        ({"calendars": [{"selected": False}]}, "invalid_request"),
        ({"calendars": [{"id": 1, "reminder_minutes": [-1]}]}, "invalid_request"),
        ({"calendars": [{"id": 1, "says_title": True}]}, "invalid_request"),
    ],
)
async def test_a_day_or_a_choice_that_there_is_not_is_refused(
    app: RunningApp, wrong: dict[str, Any], code: str
) -> None:
    status, problem = await ask(await signed_in(app), **wrong)
    assert (status, problem["code"]) == (400, code)


async def test_calendars_of_others_and_unread_ones_change_nothing(app: RunningApp) -> None:
    browser = await signed_in(app)
    usual = await ask(browser)
    calendars = [{"id": 2**40, "selected": False}, {"id": 2**41, "selected": True, "says_titles": False}]
    assert await ask(browser, calendars=calendars) == usual


async def test_who_asks_without_end_has_to_wait_and_others_do_not(app: RunningApp) -> None:
    browser, other = await signed_in(app), await signed_in(app, BOB)
    statuses: list[int] = []
    while 429 not in statuses and len(statuses) < 300:
        statuses.append((await ask(browser))[0])
    assert set(statuses[:-1]) == {200} and len(statuses) > 30 and statuses[-1] == 429
    assert (await ask(other))[0] == 200


async def test_only_a_signed_in_user_may_ask(app: RunningApp) -> None:
    answer = await app.client.post(PATH, json={})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
