"""Preferences of announcements, read and written over HTTP."""

from typing import Any

import pytest

from tests.support.app_client import ALICE, Browser, RunningApp

FIVE = {
    "zone": "Asia/Tokyo",
    "reminder_minutes": [30],
    "briefing_at": "07:00",
    "dialect_ja": "kyoto",
    "dialect_en": "plain",
}
NEW = {"reminders_from": "google", "tentative": "skip", "event_types": ["focusTime", "outOfOffice"]}
USUAL = {"reminders_from": "preferences", "tentative": "maybe", "event_types": []}


@pytest.fixture
async def browser(app: RunningApp) -> Browser:
    made = await app.browser(ALICE)
    await made.sign_in()
    return made


async def put(browser: Browser, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = await browser.send("PUT", "/v1/preferences", json=body)
    return answer.status_code, answer.json()


def chosen(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in (FIVE | NEW)}


async def test_all_choices_are_written_and_read_back(browser: Browser) -> None:
    status, said = await put(browser, **FIVE, **NEW)
    assert (status, chosen(said)) == (200, FIVE | NEW)
    assert chosen((await browser.get("/v1/preferences")).json()) == FIVE | NEW


async def test_a_client_that_knows_only_the_older_choices_keeps_the_newer_ones(browser: Browser) -> None:
    status, said = await put(browser, **FIVE)
    assert (status, chosen(said)) == (200, FIVE | USUAL)
    await put(browser, **FIVE, **NEW)
    status, said = await put(browser, **FIVE | {"zone": "Europe/Berlin"})
    assert (status, chosen(said)) == (200, FIVE | NEW | {"zone": "Europe/Berlin"})
    status, said = await put(browser, **FIVE, **USUAL)
    assert (status, chosen(said)) == (200, FIVE | USUAL)


@pytest.mark.parametrize(
    "wrong",
    [
        {"reminders_from": "outlook"},
        {"tentative": "perhaps"},
        {"event_types": ["birthday"]},
        {"event_types": "focusTime"},
        {"event_types": ["focusTime"] * 11},
        {"tentative": 5},
    ],
)
async def test_a_choice_there_is_not_is_refused_and_nothing_is_lost(
    browser: Browser, wrong: dict[str, Any]
) -> None:
    await put(browser, **FIVE, **NEW)
    status, _ = await put(browser, **FIVE | wrong)
    assert 400 <= status < 500
    assert chosen((await browser.get("/v1/preferences")).json()) == FIVE | NEW
