"""Time zone of a user: their choice, else Google Calendar's, else the browser's; the page says which."""

from typing import Any

import pytest

from catflap.store.task_types import AccountKey
from tests.support.app_client import ALICE, Browser, RunningApp

pytestmark = pytest.mark.slow  # starts an application for each test

WIDE = ("openid", "email", "profile", "calendar.readonly")
NARROW = ("openid", "email", "profile", "calendar.events.readonly", "calendar.calendarlist.readonly")


async def signed_in(app: RunningApp, scopes: tuple[str, ...] = NARROW) -> Browser:
    """A browser of a person who allowed `scopes`; their calendars have not been read yet."""
    browser = await app.browser()
    headers = app.page_headers()
    body = {"code": app.popup_code(scopes=scopes), "client": "popup"}
    answer = await browser.http.post(app.origin + "/signin/google/code", json=body, headers=headers)
    browser.csrf = answer.json()["csrf_token"]
    return browser


async def sync(app: RunningApp) -> None:
    for row in await app.rows("SELECT user_id, sub FROM app.accounts"):
        await app.catflap.components.jobs.sync(AccountKey(row["user_id"], row["sub"]))


async def plans(app: RunningApp) -> int:
    (row,) = await app.rows("SELECT count(*) AS n FROM queue.pgqueuer WHERE entrypoint = 'plan'")
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


async def test_a_first_time_user_gets_the_browsers_zone_and_then_googles(app: RunningApp) -> None:
    app.sandbox.set_time_zone(ALICE, "Asia/Tokyo")
    browser = await signed_in(app)
    assert await zone(browser) == ("UTC", "default")
    assert await at(browser, "Europe/Berlin") == 200
    assert await zone(browser) == ("Europe/Berlin", "browser")
    await sync(app)
    assert await zone(browser) == ("Asia/Tokyo", "google")


async def test_calendars_own_setting_comes_before_the_primary_calendar(app: RunningApp) -> None:
    browser = await signed_in(app, WIDE)
    app.sandbox.set_settings(ALICE, timezone="America/New_York")
    app.sandbox.set_time_zone(ALICE, "Asia/Tokyo")
    await sync(app)
    assert await zone(browser) == ("America/New_York", "google")
    assert app.google_was_asked("calendar.settings.get") == 1


async def test_without_the_scope_the_setting_is_not_asked_for(app: RunningApp) -> None:
    browser = await signed_in(app)
    app.sandbox.set_time_zone(ALICE, "Asia/Tokyo")
    await sync(app)
    assert await zone(browser) == ("Asia/Tokyo", "google")
    assert app.google_was_asked("calendar.settings.get") == 0


@pytest.mark.parametrize("scopes", [NARROW, WIDE])
async def test_a_person_who_moves_is_followed_and_replanned(app: RunningApp, scopes: tuple[str, ...]) -> None:
    browser = await signed_in(app, scopes)
    for name in ("Asia/Tokyo", "Europe/Berlin", "America/New_York"):
        app.sandbox.set_settings(ALICE, timezone=name)
        before = await plans(app)
        await sync(app)
        assert await zone(browser) == (name, "google")
        assert await plans(app) > before
    before = await plans(app)
    await sync(app)
    assert await plans(app) == before


async def test_a_choice_is_kept_whatever_google_and_the_browser_say(app: RunningApp) -> None:
    browser = await signed_in(app)
    assert await put(browser, zone="Europe/Berlin") == ("Europe/Berlin", "user")
    app.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(app)
    await at(browser, "America/New_York")
    assert await zone(browser) == ("Europe/Berlin", "user")
    assert await put(browser, dialect_en="pirate") == ("Europe/Berlin", "user")


async def test_the_zone_that_google_has_can_be_chosen_too(app: RunningApp) -> None:
    browser = await signed_in(app)
    app.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(app)
    assert await put(browser, zone="Asia/Tokyo", zone_source="user") == ("Asia/Tokyo", "user")
    app.sandbox.set_settings(ALICE, timezone="Europe/Berlin")
    await sync(app)
    assert await zone(browser) == ("Asia/Tokyo", "user")


@pytest.mark.parametrize("changes", [{"dialect_en": "pirate"}, {"dialect_en": "pirate", "zone": None}])
async def test_another_choice_is_no_choice_of_the_zone(app: RunningApp, changes: dict[str, Any]) -> None:
    """A page of before the first sync saves a dialect; UTC must not stay for that."""
    browser = await signed_in(app)
    assert await put(browser, **changes) == ("UTC", "default")
    app.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(app)
    assert await zone(browser) == ("Asia/Tokyo", "google")
    assert await put(browser, **changes) == ("Asia/Tokyo", "google")


async def test_a_choice_can_be_given_up(app: RunningApp) -> None:
    browser = await signed_in(app)
    app.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(app)
    await put(browser, zone="Europe/Berlin")
    assert await put(browser, zone=None) == ("Asia/Tokyo", "google")


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../etc/passwd", "right/UTC", "posix/UTC", "a\0b", "x" * 65]
)
async def test_a_browser_that_names_no_zone_is_refused_and_nothing_changes(
    app: RunningApp, name: str
) -> None:
    browser = await signed_in(app)
    await at(browser, "Asia/Tokyo")
    assert 400 <= await at(browser, name) < 500
    assert await zone(browser) == ("Asia/Tokyo", "browser")


@pytest.mark.parametrize("stored", ["Mars/Olympus", "right/Europe/Berlin", "localtime", "", None])
async def test_a_zone_nobody_knows_gives_way_to_the_next(app: RunningApp, stored: str | None) -> None:
    browser = await signed_in(app)
    app.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(app)
    await at(browser, "Europe/Berlin")
    await put(browser, zone="America/New_York")
    await app.rows("UPDATE app.preferences SET zone = $1", stored)
    assert await zone(browser) == ("Asia/Tokyo", "google")
    await app.rows("UPDATE app.calendar_syncs SET time_zone = $1", stored)
    assert await zone(browser) == ("Asia/Tokyo", "google")
    await app.rows("UPDATE app.calendars SET time_zone = $1", stored or "")
    assert await zone(browser) == ("Europe/Berlin", "browser")
    await app.rows("UPDATE app.users SET browser_zone = $1", stored)
    assert await zone(browser) == ("UTC", "default")


async def test_a_setting_that_cannot_be_read_leaves_what_is_known_and_stops_nothing(app: RunningApp) -> None:
    browser = await signed_in(app, WIDE)
    app.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(app)
    for status, error in ((403, "insufficientPermissions"), (403, "quotaExceeded"), (404, "notFound"),
                          (500, "backendError"), (401, "authError")):  # fmt: skip
        rule = app.sandbox.fault("calendar.settings.get", status=status, error=error)
        await sync(app)
        assert await zone(browser) == ("Asia/Tokyo", "google")
        app.sandbox.lift(rule)


async def test_the_primary_account_says_where_a_person_of_two_accounts_lives(app: RunningApp) -> None:
    browser = await signed_in(app)
    app.sandbox.set_settings(ALICE, timezone="Asia/Tokyo")
    await sync(app)
    await app.rows(
        "INSERT INTO app.accounts (user_id, sub, email, email_verified, is_primary, created_at, updated_at)"
        " SELECT user_id, 'other', 'o@example.com', true, false, created_at - interval '1 day', updated_at"
        " FROM app.accounts"
    )
    await app.rows(
        "INSERT INTO app.calendars"
        " (user_id, account_sub, google_id, summary, time_zone, is_primary, is_selected, sync_due_at)"
        " SELECT user_id, 'other', 'o', '', 'Europe/Berlin', true, true, updated_at FROM app.accounts"
        " WHERE sub = 'other'"
    )
    assert await zone(browser) == ("Asia/Tokyo", "google")
    await app.rows("UPDATE app.accounts SET is_primary = (sub = 'other')")
    assert await zone(browser) == ("Europe/Berlin", "google")
