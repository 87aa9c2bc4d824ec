"""Whose clock a person lives by: their choice, else Google Calendar's, else the browser's; and it is told."""

from typing import Any

import pytest

from catflap.store.task_types import AccountKey
from tests.front_door import ALICE, Browser, Door

WIDE = ("openid", "email", "profile", "calendar.readonly")
NARROW = ("openid", "email", "profile", "calendar.events.readonly", "calendar.calendarlist.readonly")


async def signed_in(door: Door, scopes: tuple[str, ...] = NARROW) -> Browser:
    """A browser of a person who allowed `scopes`; their calendars have not been read yet."""
    browser = await door.browser()
    headers = door.page_headers()
    body = {"code": door.popup_code(scopes=scopes), "client": "popup"}
    answer = await browser.http.post(door.origin + "/signin/google/code", json=body, headers=headers)
    browser.csrf = answer.json()["csrf_token"]
    return browser


async def sync(door: Door) -> None:
    for row in await door.rows("SELECT user_id, sub FROM app.accounts"):
        await door.house._jobs.sync(AccountKey(row["user_id"], row["sub"]))


async def plans(door: Door) -> int:
    (row,) = await door.rows("SELECT count(*) AS n FROM queue.pgqueuer WHERE entrypoint = 'plan'")
    return int(row["n"])


async def zone(browser: Browser) -> tuple[str, str]:
    shown = (await browser.get("/v1/preferences")).json()
    day = (await browser.get("/v1/appointments")).json()
    assert (day["zone"], day["zone_source"]) == (shown["zone"], shown["zone_source"])
    return shown["zone"], shown["zone_source"]


async def put(browser: Browser, **changes: Any) -> tuple[str, str]:
    body = {**(await browser.get("/v1/preferences")).json(), **changes}
    answer = await browser.send("PUT", "/v1/preferences", json=body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["zone"], answer.json()["zone_source"]) == await zone(browser)
    return await zone(browser)


async def at(browser: Browser, name: str) -> int:
    answer = await browser.send("PUT", "/v1/preferences/browser-zone", json={"zone": name})
    return answer.status_code


async def test_a_first_time_user_gets_the_browsers_zone_and_then_googles(door: Door) -> None:
    door.sandbox.set_time_zone(ALICE, "Asia/Tokyo")
    browser = await signed_in(door)
    assert await zone(browser) == ("UTC", "default")
    assert await at(browser, "Europe/Berlin") == 200
    assert await zone(browser) == ("Europe/Berlin", "browser")
    await sync(door)
    assert await zone(browser) == ("Asia/Tokyo", "google")


async def test_calendars_own_setting_comes_before_the_primary_calendar(door: Door) -> None:
    browser = await signed_in(door, WIDE)
    door.sandbox.set_settings(ALICE, timezone="America/New_York")
    door.sandbox.set_time_zone(ALICE, "Asia/Tokyo")
    await sync(door)
    assert await zone(browser) == ("America/New_York", "google")
    assert door.google_was_asked("calendar.settings.get") == 1


async def test_without_the_scope_the_setting_is_not_asked_for(door: Door) -> None:
    browser = await signed_in(door)
    door.sandbox.set_time_zone(ALICE, "Asia/Tokyo")
    await sync(door)
    assert await zone(browser) == ("Asia/Tokyo", "google")
    assert door.google_was_asked("calendar.settings.get") == 0


@pytest.mark.parametrize("scopes", [NARROW, WIDE])
async def test_who_moves_house_is_followed_and_replanned(door: Door, scopes: tuple[str, ...]) -> None:
    browser = await signed_in(door, scopes)
    for name in ("Asia/Tokyo", "Europe/Berlin", "America/New_York"):
        door.sandbox.set_settings(ALICE, timezone=name)
        before = await plans(door)
        await sync(door)
        assert await zone(browser) == (name, "google")
        assert await plans(door) > before
    before = await plans(door)
    await sync(door)
    assert await plans(door) == before


async def test_a_choice_is_kept_whatever_google_and_the_browser_say(door: Door) -> None:
    browser = await signed_in(door)
    assert await put(browser, zone="Europe/Berlin") == ("Europe/Berlin", "user")
    door.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(door)
    await at(browser, "America/New_York")
    assert await zone(browser) == ("Europe/Berlin", "user")
    assert await put(browser, dialect_en="pirate") == ("Europe/Berlin", "user")


async def test_the_zone_that_google_has_can_be_chosen_too(door: Door) -> None:
    browser = await signed_in(door)
    door.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(door)
    assert await put(browser, zone="Asia/Tokyo", zone_source="user") == ("Asia/Tokyo", "user")
    door.sandbox.set_settings(ALICE, timezone="Europe/Berlin")
    await sync(door)
    assert await zone(browser) == ("Asia/Tokyo", "user")


@pytest.mark.parametrize("changes", [{"dialect_en": "pirate"}, {"dialect_en": "pirate", "zone": None}])
async def test_another_choice_is_no_choice_of_the_zone(door: Door, changes: dict[str, Any]) -> None:
    """A page of before the first sync saves a dialect; UTC must not stay for that."""
    browser = await signed_in(door)
    assert await put(browser, **changes) == ("UTC", "default")
    door.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(door)
    assert await zone(browser) == ("Asia/Tokyo", "google")
    assert await put(browser, **changes) == ("Asia/Tokyo", "google")


async def test_a_choice_can_be_given_up(door: Door) -> None:
    browser = await signed_in(door)
    door.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(door)
    await put(browser, zone="Europe/Berlin")
    assert await put(browser, zone=None) == ("Asia/Tokyo", "google")


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../etc/passwd", "right/UTC", "posix/UTC", "a\0b", "x" * 65]
)
async def test_a_browser_that_names_no_zone_is_refused_and_nothing_changes(door: Door, name: str) -> None:
    browser = await signed_in(door)
    await at(browser, "Asia/Tokyo")
    assert 400 <= await at(browser, name) < 500
    assert await zone(browser) == ("Asia/Tokyo", "browser")


@pytest.mark.parametrize("stored", ["Mars/Olympus", "right/Europe/Berlin", "localtime", "", None])
async def test_a_zone_nobody_knows_gives_way_to_the_next(door: Door, stored: str | None) -> None:
    browser = await signed_in(door)
    door.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(door)
    await at(browser, "Europe/Berlin")
    await put(browser, zone="America/New_York")
    await door.rows("UPDATE app.preferences SET zone = $1", stored)
    assert await zone(browser) == ("Asia/Tokyo", "google")
    await door.rows("UPDATE app.calendar_syncs SET time_zone = $1", stored)
    assert await zone(browser) == ("Asia/Tokyo", "google")
    await door.rows("UPDATE app.calendars SET time_zone = $1", stored or "")
    assert await zone(browser) == ("Europe/Berlin", "browser")
    await door.rows("UPDATE app.users SET browser_zone = $1", stored)
    assert await zone(browser) == ("UTC", "default")


async def test_a_setting_that_cannot_be_read_leaves_what_is_known_and_stops_nothing(door: Door) -> None:
    browser = await signed_in(door, WIDE)
    door.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(door)
    for status, error in ((403, "insufficientPermissions"), (403, "quotaExceeded"), (404, "notFound"),
                          (500, "backendError"), (401, "authError")):  # fmt: skip
        rule = door.sandbox.fault("calendar.settings.get", status=status, error=error)
        await sync(door)
        assert await zone(browser) == ("Asia/Tokyo", "google")
        door.sandbox.lift(rule)


async def test_the_primary_account_says_where_a_person_of_two_accounts_lives(door: Door) -> None:
    browser = await signed_in(door)
    door.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(door)
    await door.rows(
        "INSERT INTO app.accounts (user_id, sub, email, email_verified, is_primary, created_at, updated_at)"
        " SELECT user_id, 'other', 'o@example.com', true, false, created_at - interval '1 day', updated_at"
        " FROM app.accounts"
    )
    await door.rows(
        "INSERT INTO app.calendars"
        " (user_id, account_sub, google_id, summary, time_zone, is_primary, is_selected)"
        " SELECT user_id, 'other', 'o', '', 'Europe/Berlin', true, true FROM app.accounts WHERE sub = 'other'"
    )
    assert await zone(browser) == ("Asia/Tokyo", "google")
    await door.rows("UPDATE app.accounts SET is_primary = (sub = 'other')")
    assert await zone(browser) == ("Europe/Berlin", "google")
