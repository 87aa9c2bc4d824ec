"""The first minute of the page: shown until it was gone through or skipped once, on whichever device."""

import json
from datetime import timedelta

import pytest

from tests.support.app_client import Browser, RunningApp

pytestmark = pytest.mark.slow  # starts an application for each test


async def begins_with_it(browser: Browser) -> bool:
    """Whether the page tells its scripts to begin with the first minute."""
    page = (await browser.get("/")).text
    data = page.partition('id="page-data"')[2].partition(">")[2].partition("</script>")[0]
    found: bool = json.loads(data)["isNew"]
    return found


async def test_it_is_shown_until_it_is_finished_and_then_nowhere_again(app: RunningApp) -> None:
    first, other = await app.browser(), await app.browser()
    await first.sign_in()
    await other.sign_in()
    assert await begins_with_it(first) and await begins_with_it(other)
    assert (await first.send("PUT", "/v1/me/introduction")).status_code == 204
    assert not await begins_with_it(first) and not await begins_with_it(other)


async def test_finishing_it_again_changes_nothing(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in()
    await browser.send("PUT", "/v1/me/introduction")
    stored = await app.rows("SELECT introduced_at FROM app.users")
    app.clock.advance(timedelta(minutes=1))
    assert (await browser.send("PUT", "/v1/me/introduction")).status_code == 204
    assert await app.rows("SELECT introduced_at FROM app.users") == stored
    exported = (await browser.get("/v1/me/export")).json()
    assert exported["users"][0]["introduced_at"] == stored[0]["introduced_at"].isoformat()


async def test_who_can_not_be_read_to_is_asked_for_the_calendar_first(app: RunningApp) -> None:
    browser = await app.browser()
    await browser.sign_in(untick=["calendar.events.readonly"])
    assert not await begins_with_it(browser)


async def test_it_takes_a_session_and_the_token_of_its_page(app: RunningApp) -> None:
    assert (await app.client.put("/v1/me/introduction")).status_code == 401
    browser = await app.browser()
    await browser.sign_in()
    refused = await browser.send("PUT", "/v1/me/introduction", headers={"X-CSRF-Token": "made-up"})
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    assert await app.rows("SELECT 1 FROM app.users WHERE introduced_at IS NOT NULL") == []
