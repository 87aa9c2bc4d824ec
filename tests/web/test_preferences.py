"""Preferences of announcements, read and written over HTTP."""

from dataclasses import fields
from typing import Any

import pytest

from catflap.announcements.preferences import Preferences
from catflap.web.schemas.preferences import PreferencesBody, PreferencesResource
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
WHEN = {
    "evening_at": "21:30",
    "all_day_at": None,
    "countdown_minutes": [5, 1],
    "repeat_minutes": 3,
    "places": [{"name": "Station Street", "minutes": 25}, {"name": "歯科", "minutes": 40}],
    "quiet_from": "22:00",
    "quiet_until": "07:00",
    "quiet_word": "urgent",
    "in_meetings": "silent",
    "talkativeness": "chatty",
    "says_private_titles": True,
    "says_moved": False,
    "says_cancelled": True,
    "pitch": -3,
    "engine_ja": "openjtalk",
    "engine_en": "espeak",
}
MAY_BE_NONE = {"evening_at", "all_day_at", "repeat_minutes", "quiet_from", "quiet_until"}
MAY_BE_NONE |= {"engine_ja", "engine_en"}


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


def when(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in WHEN}


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


async def test_a_text_that_is_too_long_is_counted_in_characters(browser: Browser) -> None:
    status, problem = await put(browser, **FIVE, quiet_word="x" * 41)
    detail = "quiet_word: String should have at most 40 characters"
    assert (status, problem["detail"]) == (400, detail)


@pytest.mark.parametrize(
    "wrong",
    [
        {"reminders_from": "outlook"},
        {"tentative": "perhaps"},
        {"event_types": ["birthday"]},
        {"event_types": "focusTime"},
        {"event_types": ["focusTime"] * 11},
        {"tentative": 5},
        {"evening_at": "24:00"},
        {"all_day_at": 32400},
        {"countdown_minutes": [0]},
        {"countdown_minutes": [61]},
        {"countdown_minutes": [1, 2, 3, 4, 5, 6]},
        {"repeat_minutes": 0},
        {"repeat_minutes": 31},
        {"places": [{"name": " ", "minutes": 5}]},
        {"places": [{"name": "x" * 101, "minutes": 5}]},
        {"places": [{"name": "Gym", "minutes": 0}]},
        {"places": [{"name": "Gym"}]},
        {"places": [{"name": f"Gym {number}", "minutes": 5} for number in range(51)]},
        {"quiet_from": "22:00"},
        {"quiet_until": None, "quiet_from": "22:00"},
        {"quiet_word": "x" * 41},
        {"quiet_word": "a\0"},
        {"in_meetings": "shout"},
        {"talkativeness": "mute"},
        {"says_moved": "yes"},
        {"pitch": 7},
        {"pitch": -7},
        {"pitch": 1.5},
        {"engine_en": "festival"},
        {"engine_ja": "espeak"},
        {"engine_ja": ""},
        {"calendars": {}},
    ],
)
async def test_a_choice_there_is_not_is_refused_and_nothing_is_lost(
    browser: Browser, wrong: dict[str, Any]
) -> None:
    await put(browser, **FIVE, **NEW)
    status, _ = await put(browser, **FIVE | wrong)
    assert 400 <= status < 500
    assert chosen((await browser.get("/v1/preferences")).json()) == FIVE | NEW


async def test_what_is_said_and_when_is_written_and_read_back(browser: Browser) -> None:
    status, said = await put(browser, **FIVE, **WHEN)
    assert (status, when(said)) == (200, WHEN)
    assert when((await browser.get("/v1/preferences")).json()) == WHEN


async def test_a_choice_that_is_left_out_stays_and_null_takes_away_what_may_be_none(browser: Browser) -> None:
    await put(browser, **FIVE, **NEW, **WHEN)
    _, said = await put(browser, **FIVE)
    assert (chosen(said), when(said)) == (FIVE | NEW, WHEN)
    every = dict.fromkeys([*NEW, *WHEN])
    status, said = await put(browser, **FIVE, **every)
    expected = {name: None if name in MAY_BE_NONE else value for name, value in (NEW | WHEN).items()}
    assert (status, {name: said[name] for name in expected}) == (200, expected)


async def test_what_was_read_can_be_sent_back_unchanged(browser: Browser) -> None:
    await put(browser, **FIVE, **NEW, **WHEN)
    before = (await browser.get("/v1/preferences")).json()
    assert await put(browser, **before) == (200, before)


async def test_words_and_places_have_no_spaces_around_them_and_nothing_comes_twice(browser: Browser) -> None:
    gym = {"name": " Gym ", "minutes": 5}
    _, said = await put(browser, **FIVE, quiet_word="  ", places=[gym, gym], countdown_minutes=[5, 5])
    assert (said["quiet_word"], said["countdown_minutes"]) == ("", [5])
    assert said["places"] == [{"name": "Gym", "minutes": 5}]


async def test_an_engine_that_is_gone_stays_chosen_until_another_is(
    app: RunningApp, browser: Browser
) -> None:
    await put(browser, **FIVE)
    await app.rows("UPDATE app.preferences SET engine_en = 'festival'")
    status, said = await put(browser, **FIVE, pitch=2, engine_en="festival")
    assert (status, said["pitch"], said["engine_en"]) == (200, 2, "festival")
    status, said = await put(browser, **FIVE, engine_en=None)
    assert (status, said["engine_en"]) == (200, None)
    assert (await put(browser, **FIVE, engine_en="festival"))[0] == 400


def test_every_preference_can_be_read_and_written() -> None:
    names = {field.name for field in fields(Preferences)} - {"calendars"}
    assert names == PreferencesResource.model_fields.keys() == PreferencesBody.model_fields.keys()
